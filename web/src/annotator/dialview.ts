/**
 * The hand on the dial: brings mouse, pen, touch, keys and stick to the pointer, and draws one frame after another.
 *
 * It lives beside the framework, not in it: while somebody draws, no component is rendered.
 */

import { type DiscPlace, litBy, type Point, pointAt, type Term } from "../core/circle";
import { KeyMover, PadButtons, readStick } from "../core/movers";
import type { Device, Pointer } from "../core/pointer";
import { type DialSize, dialSize } from "./geometry";
import { Painter, type Scene } from "./painter";
import { Trail } from "./trail";

/** off: nothing moves. practice: for trying, keys only while the dial has the focus. live: a track plays. */
export type Mode = "off" | "practice" | "live";

/** What the dial shows besides the point; read once a frame. */
export interface Surroundings {
  /** Share of the time arc, 0 to 1. */
  share(time: number): number;
  resting(): boolean;
  /** Called once a frame, for what else follows the time. */
  frame(time: number): void;
  /** A button of a gamepad was pressed. */
  button(): void;
}

const SHADES = 6; // steps in which words are lit: the page is painted anew only when one changes

export class DialView {
  readonly keys = new KeyMover();
  size: DialSize = dialSize(0, 16);

  private mode: Mode = "off";
  private readonly trail = new Trail();
  private readonly painter: Painter;
  private readonly place: DiscPlace = { centreX: 0, centreY: 0, radius: 1 };
  private readonly at: Point = { valence: Number.NaN, arousal: Number.NaN };
  private readonly scene = { point: this.at, inside: false, share: 0, resting: false, live: false };
  private readonly buttons = new PadButtons();
  private readonly lit: number[];
  private readonly stop = new AbortController();
  private readonly observer: ResizeObserver;
  private frameRequest = 0;
  private lastFrame = 0;
  private pads = 0;
  private hover: { x: number; y: number; time: number; device: Device } | null = null;

  constructor(
    private readonly host: HTMLElement,
    canvas: HTMLCanvasElement,
    private readonly words: readonly (SVGElement | null)[],
    private readonly terms: readonly Term[],
    private readonly pointer: Pointer,
    private readonly around: Surroundings,
    private readonly onResize: (size: DialSize) => void,
  ) {
    this.painter = new Painter(canvas);
    this.lit = terms.map(() => -1);
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(host);
    this.listen();
    this.measure();
    this.frameRequest = requestAnimationFrame(this.frame);
  }

  /** Changes what the hand may do. Leaving the live mode lets the trail fade. */
  setMode(mode: Mode): void {
    if (mode === this.mode) return;
    this.mode = mode;
    this.keys.clear();
    if (mode !== "off") this.trail.clear();
    if (mode === "off") this.pointer.leave(performance.now());
    else this.hovered();
  }

  destroy(): void {
    this.stop.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frameRequest);
  }

  private measure(): void {
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    const side = this.host.clientWidth;
    this.size = dialSize(side, rem);
    this.painter.resize(this.size, devicePixelRatio || 1);
    this.locate();
    this.onResize(this.size);
  }

  /** Where the disc is on the screen: it moves when the page is scrolled. */
  private locate(): void {
    const box = this.host.getBoundingClientRect();
    this.place.centreX = box.left + box.width / 2;
    this.place.centreY = box.top + box.height / 2;
    this.place.radius = Math.max(1, this.size.radius);
  }

  private listen(): void {
    const { signal } = this.stop;
    const passive = { signal, passive: true };
    window.addEventListener("pointermove", this.moved, passive);
    this.host.addEventListener("pointerdown", this.touched, { signal });
    window.addEventListener("pointerup", this.lifted, passive);
    window.addEventListener("pointercancel", this.lifted, passive);
    document.documentElement.addEventListener("pointerleave", this.left, passive);
    window.addEventListener("keydown", this.keyDown, { signal });
    window.addEventListener("keyup", this.keyUp, { signal });
    window.addEventListener("blur", () => this.keys.clear(), passive);
    window.addEventListener("scroll", () => this.locate(), { ...passive, capture: true });
    window.addEventListener("resize", () => this.measure(), passive);
    window.addEventListener("gamepadconnected", () => this.countPads(), passive);
    window.addEventListener("gamepaddisconnected", () => this.countPads(), passive);
    const recolour = () => this.painter.recolour();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour, passive);
    this.countPads();
  }

  private countPads(): void {
    this.pads = navigator.getGamepads?.().filter(Boolean).length ?? 0;
  }

  private readonly moved = (event: PointerEvent): void => {
    const device = deviceOf(event);
    if (device === "touch" && !this.host.hasPointerCapture(event.pointerId)) return;
    if (this.hover === null) this.hover = { x: 0, y: 0, time: 0, device };
    this.hover.x = event.clientX;
    this.hover.y = event.clientY;
    this.hover.time = event.timeStamp;
    this.hover.device = device;
    if (this.mode === "off") return;
    const parts = event.getCoalescedEvents?.() ?? [];
    if (parts.length === 0) this.point(event, device);
    for (const part of parts) this.point(part, device);
  };

  private readonly touched = (event: PointerEvent): void => {
    if (this.mode === "off") return;
    // The finger keeps the disc even where it slides off it, and the page neither scrolls nor zooms.
    if (event.pointerType === "touch" && event.isPrimary) this.host.setPointerCapture(event.pointerId);
    this.point(event, deviceOf(event));
  };

  private readonly lifted = (event: PointerEvent): void => {
    if (event.pointerType === "touch" && this.mode !== "off") this.pointer.leave(event.timeStamp);
    if (event.pointerType !== "mouse") this.hover = null;
  };

  private readonly left = (event: PointerEvent): void => {
    this.hover = null;
    if (event.pointerType !== "touch" && this.mode !== "off") this.pointer.leave(event.timeStamp);
  };

  private point(event: PointerEvent, device: Device): void {
    pointAt(event.clientX, event.clientY, this.place, this.at);
    this.pointer.moveTo(this.at.valence, this.at.arousal, event.timeStamp, device);
  }

  /** A mouse that lies on the disc already when the music starts says where it is. */
  private hovered(): void {
    if (!this.hover || this.hover.device === "touch" || this.pointer.known) return;
    pointAt(this.hover.x, this.hover.y, this.place, this.at);
    this.pointer.moveTo(this.at.valence, this.at.arousal, this.hover.time, this.hover.device);
  }

  private readonly keyDown = (event: KeyboardEvent): void => {
    if (!this.keysAreMine(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.keys.press(event.code, event.shiftKey)) event.preventDefault();
  };

  private readonly keyUp = (event: KeyboardEvent): void => {
    this.keys.release(event.code, event.shiftKey);
  };

  private keysAreMine(event: KeyboardEvent): boolean {
    if (this.mode === "off") return false;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("dialog, input, select, textarea")) return false;
    return this.mode === "live" || this.host.contains(target);
  }

  private readonly frame = (time: number): void => {
    this.frameRequest = requestAnimationFrame(this.frame);
    const elapsed = Math.min(100, time - this.lastFrame);
    this.lastFrame = time;
    if (this.pads > 0) this.readPad();
    if (this.mode !== "off") this.followKeys(elapsed);
    this.around.frame(time);
    this.draw(time);
  };

  private followKeys(elapsed: number): void {
    if (!this.keys.moving) return;
    this.at.valence = this.pointer.valence;
    this.at.arousal = this.pointer.arousal;
    this.keys.step(this.at, elapsed);
    this.pointer.moveTo(this.at.valence, this.at.arousal, performance.now(), "keyboard");
  }

  private readPad(): void {
    for (const pad of navigator.getGamepads()) {
      if (!pad?.connected) continue;
      if (this.buttons.pressed(pad)) this.around.button();
      if (this.mode === "off") return;
      const out = readStick(pad, this.at);
      // A stick at rest says nothing while another device is in use.
      if (!out && this.pointer.device !== "gamepad") return;
      if (this.at.valence === this.pointer.valence && this.at.arousal === this.pointer.arousal) return;
      this.pointer.moveTo(this.at.valence, this.at.arousal, performance.now(), "gamepad");
      return;
    }
  }

  private draw(time: number): void {
    const { pointer, scene } = this;
    const live = this.mode !== "off";
    this.at.valence = pointer.valence;
    this.at.arousal = pointer.arousal;
    if (live && pointer.known) this.trail.add(pointer.valence, pointer.arousal, time);
    scene.inside = pointer.inside;
    scene.share = this.around.share(time);
    scene.resting = this.around.resting();
    scene.live = live;
    this.painter.draw(scene as Scene, this.trail, time);
    this.light(live && pointer.known);
  }

  private light(live: boolean): void {
    for (let index = 0; index < this.terms.length; index += 1) {
      const shade = live ? Math.round(litBy(this.terms[index] as Term, this.at) * SHADES) : 0;
      if (shade === this.lit[index]) continue;
      this.lit[index] = shade;
      this.words[index]?.style.setProperty("--lit", `${Math.round((100 * shade) / SHADES)}%`);
    }
  }
}

function deviceOf(event: PointerEvent): Device {
  return event.pointerType === "touch" || event.pointerType === "pen" ? event.pointerType : "mouse";
}
