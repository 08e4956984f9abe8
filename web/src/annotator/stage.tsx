import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Point, Term } from "../core/circle";
import type { Device } from "../core/pointer";
import { words } from "../i18n/annotator";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Progress } from "../ui/progress";
import { Announcer } from "./announcer";
import { Dial } from "./dial";
import type { Surroundings } from "./dialview";
import type { AnnotatorModel } from "./model";
import { watch } from "./pieces";

/** Where tracks are heard: training, calibration, work and the rests between, one unchanging place. */
export function Stage({ model }: { model: AnnotatorModel }) {
  const say = words.value;
  const me = model.me.value;
  const stage = model.stage.value;
  const playing = stage === "playing";
  const [asking, setAsking] = useState(false);
  const clock = useRef<HTMLSpanElement>(null);
  const count = useRef<HTMLSpanElement>(null);
  const terms: readonly Term[] = model.study.value?.terms ?? [];

  useEffect(() => {
    if (!playing) setAsking(false);
  }, [playing]);
  useStageKeys(model, () => setAsking(true));
  const around = useMemo(() => surroundings(model, clock, count), [model]);
  const number = me ? say.stage.of(me.number, me.total) : "";
  const audio = me?.audio;
  const mark = audio?.exemplar && me?.step !== "rest" ? audio.exemplar : null;
  return (
    <main class={`stage ${stage}`} data-testid="stage" data-stage={stage} data-step={me?.step}>
      <section class="coach">
        <h1>
          {audio ? say.stage.lists[audio.list] : ""} <span class="number">{number}</span>
        </h1>
        <p class="lead" role="status">
          <Lead model={model} mark={mark} />
        </p>
      </section>
      <Dial
        terms={terms}
        pointer={model.pointer}
        mode={playing && !asking ? "live" : "off"}
        around={around}
        mark={mark}
      >
        <Middle model={model} count={count} />
      </Dial>
      <section class="below">
        <p class="left number" data-testid="time-left">
          <span ref={clock} />
        </p>
        <p class="hint small faint">{hintOf(model)}</p>
        <Today model={model} />
        <Button class={playing ? "" : "away"} disabled={!playing} compact onClick={() => setAsking(true)}>
          {say.stage.breakOff}
        </Button>
      </section>
      <Announcer model={model} terms={terms} />
      {asking && playing && (
        <Dialog
          title={say.breakOff.title}
          onClose={() => setAsking(false)}
          actions={
            <>
              <Button kind="primary" onClick={() => setAsking(false)}>
                {say.breakOff.stay}
              </Button>
              <Button kind="danger" data-testid="break-off" onClick={() => model.breakOff("annotator")}>
                {say.breakOff.go}
              </Button>
            </>
          }
        >
          <p>{say.breakOff.text}</p>
        </Dialog>
      )}
    </main>
  );
}

/** What is asked, or, once, what went wrong: in one place, so that nothing moves. */
function Lead({ model, mark }: { model: AnnotatorModel; mark: Point | null }) {
  const say = words.value.stage;
  const remark = remarkOf(model);
  if (remark) {
    return (
      <span class="remark" data-testid="remark">
        {remark}
      </span>
    );
  }
  return <>{mark ? say.example(placeWords(mark)) : say.remember}</>;
}

/** What stands in the middle of the disc while no music plays. */
function Middle({ model, count }: { model: AnnotatorModel; count: { current: HTMLSpanElement | null } }) {
  const say = words.value.stage;
  const stage = model.stage.value;
  const track = model.track.value;
  const button = useRef<HTMLButtonElement>(null);
  const startable = model.startable.value;
  useEffect(() => {
    if (startable && document.activeElement === document.body) button.current?.focus({ preventScroll: true });
  }, [startable]);
  const start = useCallback(
    (event: MouseEvent) => {
      void model.start(deviceOf(event));
    },
    [model],
  );
  if (stage === "playing") return null;
  if (stage === "starting") return <span class="word">{say.starting}</span>;
  if (stage === "ending") return <span class="word">{say.saving}</span>;
  if (model.me.value?.step === "rest") {
    return (
      <span class="rest" data-testid="rest">
        <span class="count number" ref={count} />
        <span>{say.rest}</span>
      </span>
    );
  }
  if (track.state === "failed") {
    return (
      <span class="rest">
        <span>{say.loadFailed}</span>
        <Button compact onClick={() => model.reload()}>
          {words.value.tryAgain}
        </Button>
      </span>
    );
  }
  if (!startable) return <span class="word">{say.loading}</span>;
  return (
    <button ref={button} type="button" class="start" data-testid="start" onClick={start}>
      {say.start}
    </button>
  );
}

function Today({ model }: { model: AnnotatorModel }) {
  const say = words.value.stage;
  const today = model.me.value?.today;
  if (!today) return null;
  const [listened, cap] = [Math.floor(today.listened_s / 60), Math.round(today.cap_s / 60)];
  return (
    <div class="today" data-testid="today">
      <Progress
        label={say.today}
        value={today.listened_s}
        max={today.cap_s}
        text={say.todayOf(listened, cap)}
      />
    </div>
  );
}

/** What follows the time: the arc around the dial, the time left, the count of the rest. Nothing is rendered for it. */
function surroundings(
  model: AnnotatorModel,
  clock: { current: HTMLSpanElement | null },
  count: { current: HTMLSpanElement | null },
): Surroundings {
  // Words are made when a second has passed, not with every frame.
  let shownLeft: string | number = "";
  let shownCount = -1;
  const restLeft = (time: number) => Math.max(0, (model.readyAt.peek() ?? time) - time) / 1000;
  const resting = () => model.stage.peek() === "idle" && model.me.peek()?.step === "rest";
  return {
    resting,
    share(time) {
      const sound = model.playing;
      if (sound) return Math.max(0, sound.positionMs()) / sound.durationMs;
      return resting() ? restLeft(time) / Math.max(1, model.study.peek()?.reset_s ?? 1) : 0;
    },
    frame(time) {
      const sound = model.playing;
      const left = sound ? Math.ceil((sound.durationMs - Math.max(0, sound.positionMs())) / 1000) : "";
      if (clock.current && left !== shownLeft) {
        shownLeft = left;
        clock.current.textContent = left === "" ? "" : words.peek().stage.left(watch(Number(left)));
      }
      const rest = Math.ceil(restLeft(time));
      if (count.current && (rest !== shownCount || count.current.textContent === "")) {
        shownCount = rest;
        count.current.textContent = String(rest);
      }
    },
    button: () => void model.start("gamepad"),
  };
}

/** Space and Enter start, Escape asks whether to break off, wherever the focus is. */
function useStageKeys(model: AnnotatorModel, ask: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : null;
      if (event.repeat || target?.closest("dialog")) return;
      if (event.key === "Escape" && model.stage.peek() === "playing") {
        event.preventDefault();
        ask();
      }
      if ((event.key === " " || event.key === "Enter") && !target?.closest("button, a, input, select")) {
        event.preventDefault();
        void model.start("keyboard");
      }
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [model]);
}

function hintOf(model: AnnotatorModel): string {
  const say = words.value.stage;
  const fingers = matchMedia("(hover: none)").matches;
  if (model.stage.value === "playing") return fingers ? say.fingers : say.keys;
  if (model.stage.value === "ending") {
    const away =
      model.outbox.view.value.state === "offline" || model.outbox.view.value.state === "signed-out";
    return away ? say.waiting : say.saving;
  }
  if (model.me.value?.step === "rest") return say.restText;
  return fingers ? say.startFingers : say.startKeys;
}

function remarkOf(model: AnnotatorModel): string {
  const say = words.value;
  const remark = model.remark.value;
  if (remark === "startFailed") return say.stage.startFailed;
  if (remark !== null) return say.broken[remark];
  const me = model.me.value;
  const first = me?.audio?.list === "work" && me.number === 1 && me.verdict?.passed;
  return first && model.stage.value !== "playing" ? say.passed : "";
}

/** Where an example lies, in words: only the axes on which it is clearly off the middle. */
function placeWords(mark: { valence: number; arousal: number }): string {
  const say = words.value.places;
  const valence = Math.abs(mark.valence) >= 0.3 ? (mark.valence > 0 ? say.positive : say.negative) : "";
  const arousal = Math.abs(mark.arousal) >= 0.3 ? (mark.arousal > 0 ? say.high : say.low) : "";
  if (valence && arousal) return say.and(valence, arousal);
  return valence || arousal || say.neutral;
}

/** What a button was pressed with: clicks of keys and of assistive technology come from no pointer. */
function deviceOf(event: MouseEvent): Device {
  const type = event instanceof PointerEvent ? event.pointerType : "";
  if (type === "mouse" || type === "touch" || type === "pen") return type;
  return event.detail === 0 ? "keyboard" : "mouse";
}
