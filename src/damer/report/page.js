"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const TERMS = JSON.parse(document.getElementById("terms").textContent);
  const byId = (id) => document.getElementById(id);
  const audio = byId("audio"), curves = byId("curves"), plane = byId("plane"), now = byId("now");
  const rows = [...document.querySelectorAll("tbody tr")];
  const body = document.querySelector("tbody");
  let song = null, parts = null, frame = 0;

  const clock = (s) => `${Math.floor(Math.round(s) / 60)}:${String(Math.round(s) % 60).padStart(2, "0")}`;
  const two = (p) => p.toFixed(2);
  const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

  function make(parent, name, attributes, text) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  }

  // The square of probabilities to the disc: angle kept, the border of the square becomes the circle.
  function place(valence, arousal) {
    const v = 2 * valence - 1, a = 2 * arousal - 1, far = Math.hypot(v, a);
    const scale = far === 0 ? 0 : Math.max(Math.abs(v), Math.abs(a)) / far;
    return [v * scale, a * scale];
  }

  function quadrant(valence, arousal) {
    if (arousal >= 0.5) return valence >= 0.5 ? "Q1" : "Q2";
    return valence >= 0.5 ? "Q4" : "Q3";
  }

  function term(valence, arousal) {
    const v = 2 * valence - 1, a = 2 * arousal - 1;
    const step = Math.min(2, Math.floor((Math.atan2(Math.abs(a), Math.abs(v)) * 180) / Math.PI / 30));
    return { Q1: TERMS[step], Q2: TERMS[5 - step], Q3: TERMS[6 + step], Q4: TERMS[11 - step] }[quadrant(valence, arousal)];
  }

  // A second's value stands at its middle; between middles it moves in a straight line.
  function valueAt(values, seconds) {
    const x = clamp(seconds - song.start - 0.5, 0, values.length - 1), left = Math.floor(x);
    const right = Math.min(left + 1, values.length - 1);
    return values[left] + (values[right] - values[left]) * (x - left);
  }

  function tickStep(length, width) {
    const most = Math.max(2, width / 80);
    return [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200].find((step) => length / step <= most) || 3600;
  }

  function drawCurves() {
    curves.replaceChildren();
    const width = Math.max(260, curves.clientWidth), height = width < 500 ? 230 : 300;
    const box = { left: 30, right: width - 8, top: 8, bottom: height - 46 };
    const svg = make(curves, "svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
    const x = (s) => box.left + ((s - song.start) / song.length) * (box.right - box.left);
    const y = (p) => box.bottom - p * (box.bottom - box.top);
    for (const [p, label] of [[0, "0"], [0.25, "¼"], [0.5, "½"], [0.75, "¾"], [1, "1"]]) {
      make(svg, "line", { x1: box.left, x2: box.right, y1: y(p), y2: y(p), class: p === 0.5 ? "half" : "grid" });
      make(svg, "text", { x: box.left - 8, y: y(p) + 4, "text-anchor": "end" }, label);
    }
    const step = tickStep(song.length, box.right - box.left);
    for (let s = Math.ceil(song.start / step) * step; s <= song.start + song.length + 1e-6; s += step)
      make(svg, "text", { x: clamp(x(s), box.left, box.right - 12), y: height - 6, "text-anchor": "middle" }, clock(s));
    const count = song.arousal.length;
    const middle = (i) => x(song.start + (i < 0 ? 0 : i >= count ? count : i + 0.5));
    const along = (value) => [-1, ...song.arousal.keys(), count].map((i) => `${middle(i).toFixed(1)},${y(value(clamp(i, 0, count - 1))).toFixed(1)}`);
    for (const name of ["arousal", "valence"]) {
      const spread = song[`${name}_sd`];
      const high = along((i) => clamp(song[name][i] + spread[i], 0, 1));
      const low = along((i) => clamp(song[name][i] - spread[i], 0, 1)).reverse();
      make(svg, "path", { d: `M${high.join("L")}L${low.join("L")}Z`, class: `band ${name}` });
    }
    for (const name of ["arousal", "valence"])
      make(svg, "path", { d: `M${along((i) => song[name][i]).join("L")}`, class: `line ${name}` });
    for (let i = 0, from = 0; i < count; i += 1) {
      const kind = quadrant(song.valence[i], song.arousal[i]);
      if (i + 1 < count && quadrant(song.valence[i + 1], song.arousal[i + 1]) === kind) continue;
      make(svg, "rect", { x: x(song.start + from), width: x(song.start + i + 1) - x(song.start + from), y: box.bottom + 8, height: 10, class: kind });
      from = i + 1;
    }
    const head = make(svg, "line", { y1: box.top, y2: box.bottom + 20, class: "head" });
    const knobs = ["arousal", "valence"].map((name) => make(svg, "circle", { r: 5.5, class: `knob ${name}` }));
    return { x, y, head, knobs, box, width };
  }

  function drawPlane() {
    plane.replaceChildren();
    const svg = make(plane, "svg", { viewBox: "-178 -140 356 280" });
    const radius = 112, at = ([v, a]) => [v * radius, -a * radius];
    ["Q1", "Q2", "Q3", "Q4"].forEach((kind, i) => {
      const corner = (turn) => [radius * Math.cos(turn), -radius * Math.sin(turn)].map((c) => c.toFixed(1));
      const from = (i * Math.PI) / 2, to = from + Math.PI / 2;
      make(svg, "path", { d: `M0 0L${corner(from)}A${radius} ${radius} 0 0 0 ${corner(to)}Z`, class: `tint ${kind}` });
    });
    make(svg, "circle", { r: radius, class: "ring" });
    make(svg, "line", { x1: -radius, x2: radius, class: "grid" });
    make(svg, "line", { y1: -radius, y2: radius, class: "grid" });
    const small = [["positive", radius - 5, 14, "end"], ["negative", 5 - radius, 14, "start"], ["high", 5, 14 - radius, "start"], ["low", 5, radius - 7, "start"]];
    for (const [text, x, y, anchor] of small) make(svg, "text", { x, y, "text-anchor": anchor }, text);
    const words = TERMS.map((name, i) => {
      const turn = ((15 + 30 * i) * Math.PI) / 180, side = Math.cos(turn);
      const anchor = side > 0.3 ? "start" : side < -0.3 ? "end" : "middle";
      return make(svg, "text", { x: 119 * side, y: -122 * Math.sin(turn) + 4, "text-anchor": anchor, class: "term" }, name);
    });
    const points = song.arousal.map((a, i) => at(place(song.valence[i], a)).map((c) => c.toFixed(1)).join(","));
    make(svg, "polyline", { points: points.join(" "), class: "way" });
    const past = make(svg, "polyline", { class: "way past" });
    const [wx, wy] = at(place(song.file_valence, song.file_arousal));
    make(svg, "path", { d: `M${wx - 7} ${wy}h14M${wx} ${wy - 7}v14`, class: "whole" });
    const here = make(svg, "circle", { r: 7, class: "here" });
    plane.setAttribute("aria-label", `Path through the valence–arousal disc; the whole file is nearest to ${term(song.file_valence, song.file_arousal)}.`);
    return { at, words, points, past, here };
  }

  const position = () => clamp(song.offset + audio.currentTime, song.start, song.start + song.length);

  function move() {
    if (!song) return;
    const seconds = position(), a = valueAt(song.arousal, seconds), v = valueAt(song.valence, seconds);
    const { x, y, head, knobs } = parts.curves, px = x(seconds);
    head.setAttribute("x1", px);
    head.setAttribute("x2", px);
    [a, v].forEach((p, i) => { knobs[i].setAttribute("cx", px); knobs[i].setAttribute("cy", y(p)); });
    const [hx, hy] = parts.plane.at(place(v, a));
    parts.plane.here.setAttribute("cx", hx);
    parts.plane.here.setAttribute("cy", hy);
    const passed = clamp(Math.floor(seconds - song.start + 0.5), 0, parts.plane.points.length);
    parts.plane.past.setAttribute("points", [...parts.plane.points.slice(Math.max(0, passed - 8), passed), `${hx},${hy}`].join(" "));
    const word = term(v, a);
    parts.plane.words.forEach((node) => node.classList.toggle("now", node.textContent === word));
    const text = `${clock(seconds)}  arousal ${two(a)}, valence ${two(v)}: ${word}`;
    if (now.textContent !== text) now.textContent = text;
    curves.setAttribute("aria-valuenow", Math.round(seconds));
    curves.setAttribute("aria-valuetext", text);
  }

  function follow() {
    move();
    frame = audio.paused ? 0 : requestAnimationFrame(follow);
  }

  function seek(seconds) {
    const wanted = clamp(seconds, song.start, song.start + song.length) - song.offset;
    if (audio.readyState > 0) audio.currentTime = wanted;
    else audio.addEventListener("loadedmetadata", () => { audio.currentTime = wanted; }, { once: true });
    move();
  }

  function redraw() {
    if (!song) return;
    parts = { curves: drawCurves(), plane: drawPlane() };
    move();
  }

  function choose(row) {
    const playing = !audio.paused && !audio.ended;
    audio.pause();
    const index = row.dataset.index, data = JSON.parse(byId(`song-${index}`).textContent);
    for (const name of ["arousal", "valence", "arousal_sd", "valence_sd"]) data[name] = data[name].map((p) => p / 10000);
    song = data;
    song.length = song.arousal.length;
    rows.forEach((other) => {
      other.classList.toggle("chosen", other === row);
      other.querySelector(".pick").setAttribute("aria-pressed", other === row);
    });
    byId("song").hidden = false;
    byId("name").textContent = song.name;
    byId("verdict").textContent = song.verdict;
    byId("badge").textContent = song.term;
    byId("badge").className = `badge ${song.quadrant}`;
    curves.setAttribute("aria-valuemin", Math.floor(song.start));
    curves.setAttribute("aria-valuemax", Math.ceil(song.start + song.length));
    const clip = byId(`clip-${index}`);
    song.offset = clip ? song.start : 0;
    byId("note").hidden = Boolean(clip);
    byId("note").textContent = song.source ? "This file’s sound is not inside the page; it plays from its place on disk." : "This file’s sound is not inside the page.";
    if (clip) audio.src = clip.textContent;
    else if (song.source) audio.src = song.source;
    else audio.removeAttribute("src");
    if (!clip && song.source) seek(song.start);
    redraw();
    if (playing) audio.play().catch(() => {});
  }

  function sortBy(header) {
    const column = [...header.parentElement.children].indexOf(header);
    const button = header.querySelector("button"), numeric = button.dataset.kind === "number";
    const down = header.getAttribute("aria-sort") === "ascending";
    [...header.parentElement.children].forEach((other) => other.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.children[column].dataset.value;
    const compare = numeric ? (a, b) => key(a) - key(b) : (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
    rows.sort((a, b) => (down ? -compare(a, b) : compare(a, b)) || a.dataset.index - b.dataset.index);
    body.append(...rows);
  }

  document.querySelectorAll("thead th").forEach((header) => header.querySelector("button").addEventListener("click", () => sortBy(header)));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  rows.forEach((row) => row.addEventListener("click", () => {
    if (String(getSelection())) return; // someone marks text
    choose(row);
    byId("song").scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
  }));
  byId("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    rows.forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
  });
  const secondsAt = (event) => {
    const { box, width } = parts.curves, bounds = curves.getBoundingClientRect();
    const px = ((event.clientX - bounds.left) / bounds.width) * width;
    return song.start + ((px - box.left) / (box.right - box.left)) * song.length;
  };
  curves.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    curves.setPointerCapture(event.pointerId);
    seek(secondsAt(event));
  });
  curves.addEventListener("pointermove", (event) => { if (event.buttons & 1) seek(secondsAt(event)); });
  curves.addEventListener("keydown", (event) => {
    const far = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.key === " " || event.key === "Enter") { if (audio.paused) audio.play().catch(() => {}); else audio.pause(); }
    else if (event.key === "Home") seek(song.start);
    else if (event.key === "End") seek(song.start + song.length);
    else if (far) seek(position() + far);
    else return;
    event.preventDefault();
  });
  audio.addEventListener("play", () => { if (!frame) follow(); });
  for (const kind of ["timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(kind, move);
  audio.addEventListener("timeupdate", () => { if (song && song.offset + audio.currentTime > song.start + song.length) audio.pause(); });
  audio.addEventListener("error", () => {
    if (!audio.getAttribute("src")) return;
    byId("note").hidden = false;
    byId("note").textContent = "The sound of this file cannot be played here; the curves are complete.";
  });
  new ResizeObserver(redraw).observe(byId("song"));
  if (rows.length) choose(rows[0]);
})();
