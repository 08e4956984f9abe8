/** Pages on which nothing is recorded: between two parts, at the end of a day, and where something is in the way. */

import { useState } from "preact/hooks";
import { go } from "../app/route";
import type { OneTab } from "../core/tabs";
import { language } from "../i18n";
import { words } from "../i18n/annotator";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import type { AnnotatorModel } from "./model";
import { Sheet } from "./pieces";

/** All examples were heard. */
export function TrainingDone({ model }: { model: AnnotatorModel }) {
  const say = words.value.trainingDone;
  const [busy, setBusy] = useState(false);
  const onClick = async () => {
    setBusy(true);
    await model.step("training_done");
    setBusy(false);
  };
  return (
    <Sheet
      title={say.title}
      testid="training-done"
      actions={
        <Button kind="primary" busy={busy} data-testid="go" onClick={onClick}>
          {say.go}
        </Button>
      }
    >
      <p class="lead">{say.text}</p>
    </Sheet>
  );
}

/** The calibration was not passed: said kindly, without numbers. */
export function Retrain({ onDone }: { onDone: () => void }) {
  const say = words.value.retrain;
  return (
    <Sheet
      title={say.title}
      testid="retrain"
      actions={
        <Button kind="primary" data-testid="go" onClick={onDone}>
          {say.go}
        </Button>
      }
    >
      <p class="lead">{say.text}</p>
      <p>{words.value.stage.remember}</p>
    </Sheet>
  );
}

/** The day's listening is used up. */
export function DoneForToday({ model }: { model: AnnotatorModel }) {
  const say = words.value.done;
  const until = model.me.value?.until;
  return (
    <Sheet title={say.title} testid="done-for-today">
      {until && <p class="lead">{say.text(moment(until))}</p>}
      <p>{say.tomorrow}</p>
    </Sheet>
  );
}

/** Nothing is left to hear, or nothing may be heard now. */
export function Over({ model, what }: { model: AnnotatorModel; what: "finished" | "paused" | "dropped" }) {
  const say = words.value[what];
  const given = model.me.value?.paused_reason;
  // The protocol's own reason comes in English; a researcher's words stay as they are.
  const reason = given && /^\d+ calibrations failed/.test(given) ? words.value.paused.calibration : given;
  return (
    <Sheet title={say.title} testid={what}>
      <p class="lead">{say.text}</p>
      {what === "paused" && reason && <p class="faint">{words.value.paused.reason(reason)}</p>}
    </Sheet>
  );
}

/** The server is thinking, or has not answered yet. */
export function Moment({ away }: { away: boolean }) {
  const say = words.value;
  return (
    <main class="sheet" aria-busy="true" data-testid="moment">
      {away ? <Notice kind="warn">{say.awayNow}</Notice> : <p class="faint">{say.working}</p>}
    </main>
  );
}

/** The calibration is being judged. */
export function Judgement() {
  const say = words.value.judgement;
  return (
    <Sheet title={say.title} testid="judgement">
      <p class="lead">{say.text}</p>
    </Sheet>
  );
}

/** The session is lost: the link opens it again, and what waits here is sent then. */
export function LinkAgain({ model }: { model: AnnotatorModel }) {
  const say = words.value.link;
  const [link, setLink] = useState("");
  const [wrong, setWrong] = useState(false);
  const { waiting } = model.outbox.view.value;
  const onSubmit = (event: Event) => {
    event.preventDefault();
    const token = link.trim().split("/").pop() ?? "";
    if (!/^[\w-]{16,200}$/.test(token)) return setWrong(true);
    go(["enter", token], { replace: true }); // as if the link had been opened: the address is listened to
  };
  return (
    <Sheet title={say.title} testid="link-again">
      <p class="lead">{say.text}</p>
      {waiting > 0 && <Notice>{say.kept(waiting)}</Notice>}
      <form class="stack" onSubmit={onSubmit}>
        <Field label={say.field} wrong={wrong ? say.wrong : null}>
          {(control) => (
            <input
              {...control}
              type="password"
              autocomplete="off"
              value={link}
              data-testid="link"
              onInput={(event) => setLink(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="actions">
          <Button kind="primary" type="submit" data-testid="go">
            {say.go}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}

/** Another tab of this browser is the one that records. */
export function OtherTab({ tab }: { tab: OneTab }) {
  const say = words.value.tab;
  const playing = tab.place.value === "playing";
  return (
    <Sheet
      title={say.title}
      testid="other-tab"
      actions={
        <Button kind="primary" data-testid="take-over" onClick={() => tab.take()}>
          {say.take}
        </Button>
      }
    >
      <p class="lead">{say.text}</p>
      {playing && (
        <Notice kind="warn" urgent>
          {say.playing}
        </Notice>
      )}
    </Sheet>
  );
}

/** A track plays in another browser, or was broken off there without a word. */
export function Elsewhere({ model }: { model: AnnotatorModel }) {
  const say = words.value.elsewhere;
  return (
    <Sheet
      title={say.title}
      testid="elsewhere"
      actions={
        <Button kind="primary" data-testid="take-over" onClick={() => void model.takeOver()}>
          {say.go}
        </Button>
      }
    >
      <p class="lead">{say.text}</p>
    </Sheet>
  );
}

/** A day and time in the reader's language and time zone. */
function moment(utcSeconds: number): string {
  const style = {
    weekday: "long",
    day: "numeric",
    month: "long",
    hour: "2-digit",
    minute: "2-digit",
  } as const;
  const locale = language.value === "zh" ? "zh-CN" : "en-GB";
  return new Intl.DateTimeFormat(locale, style).format(new Date(utcSeconds * 1000));
}
