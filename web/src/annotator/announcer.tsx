import { useEffect, useRef, useState } from "preact/hooks";
import { intensity, nearestTerm, type Point, type Term } from "../core/circle";
import { words } from "../i18n/annotator";
import type { AnnotatorModel } from "./model";
import { watch } from "./pieces";

const STILL_MS = 700; // a place is told once the point rests there: words must not run over the music

/** Tells screen readers what happens. What the eye sees by itself is not repeated: positions only while keys move. */
export function Announcer({ model, terms }: { model: AnnotatorModel; terms: readonly Term[] }) {
  const [text, setText] = useState("");
  const before = useRef({ stage: model.stage.peek(), step: model.me.peek()?.step, state: "saved" });
  const stage = model.stage.value;
  const step = model.me.value?.step;
  const state = model.outbox.view.value.state;

  useEffect(() => {
    const last = before.current;
    before.current = { stage, step, state };
    const next = eventOf(last, { stage, step, state }, model);
    if (next) setText(next);
  }, [stage, step, state, model]);

  useEffect(() => {
    if (stage !== "playing") return;
    let [told, seen, since] = ["", "", 0];
    const timer = setInterval(() => {
      if (model.pointer.device !== "keyboard") return;
      const now = pointWords(model.pointer, terms);
      if (now !== seen) [seen, since] = [now, performance.now()];
      if (now === told || performance.now() - since < STILL_MS) return;
      told = now;
      setText(now);
    }, 200);
    return () => clearInterval(timer);
  }, [stage, model, terms]);

  return (
    <div class="unseen" role="status" aria-live="polite" data-testid="announcer">
      {text}
    </div>
  );
}

interface Moment {
  stage: string;
  step: string | undefined;
  state: string;
}

function eventOf(last: Moment, now: Moment, model: AnnotatorModel): string | null {
  const say = words.peek().said;
  if (now.stage === "playing" && last.stage !== "playing") {
    return say.started(watch((model.playing?.durationMs ?? 0) / 1000));
  }
  if (last.stage === "playing" && now.stage === "ending") return say.ended;
  if (now.step === "rest" && now.stage === "idle" && last.stage !== "idle") {
    return say.rest(Math.max(0, Math.round(((model.readyAt.peek() ?? 0) - performance.now()) / 1000)));
  }
  if (last.step === "rest" && now.step !== "rest" && now.stage === "idle") return say.ready;
  if (now.state === "offline" && last.state !== "offline") return say.offline;
  if (now.state === "saved" && last.state === "offline") return say.online;
  return null;
}

/** A point in words: the nearest term and how strongly, or neutral. */
export function pointWords(point: Point, terms: readonly Term[]): string {
  const say = words.peek();
  const index = nearestTerm(point, terms);
  const term = terms[index];
  if (!term) return say.stage.neutral;
  const level = Math.min(2, Math.floor(intensity(point) * 3));
  return say.stage.point(say.terms[term.name] ?? term.name, say.stage.strengths[level] ?? "");
}
