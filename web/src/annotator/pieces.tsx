/** Small parts that several of the annotator's pages share. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { StudyName } from "../api/schema.gen";
import type { Outbox } from "../core/outbox";
import { words } from "../i18n/annotator";
import { Button } from "../ui/button";
import { Languages } from "../ui/languages";

const PATIENCE_MS = 700; // a batch goes up in a blink every two seconds: only slow ones are worth a word

/** Whether what was recorded is safe: one line, always in the same place. */
export function SaveState({ outbox }: { outbox: Outbox }) {
  const say = words.value.save;
  const view = outbox.view.value;
  const [slow, setSlow] = useState(false);
  const saving = view.state === "saving";
  useEffect(() => {
    if (!saving) return setSlow(false);
    const timer = setTimeout(() => setSlow(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [saving]);
  const shown = saving && !slow ? "saved" : view.state;
  const sign = { saved: "✓", saving: "↑", offline: "!", "signed-out": "!" }[shown];
  const text = {
    saved: say.saved,
    saving: say.saving,
    offline: say.offline(view.waiting),
    "signed-out": say.signedOut(view.waiting),
  }[shown];
  return (
    <div class={`save ${shown}`} data-testid="save-state" data-state={view.state} data-waiting={view.waiting}>
      <span class="line">
        <span class="sign" aria-hidden="true">
          {sign}
        </span>
        <span>{text}</span>
        {view.state === "offline" && (
          <Button kind="plain" compact onClick={() => outbox.wake()}>
            {say.retry}
          </Button>
        )}
      </span>
      {!view.durable && <span class="small">{say.notDurable}</span>}
      {view.refused > 0 && <span class="small">{say.refused(view.refused)}</span>}
    </div>
  );
}

interface HeadProps {
  study: StudyName;
  outbox: Outbox;
  /** Nothing was recorded yet: no word about saving, unless something is wrong. */
  blank: boolean;
}

/** Name of the study, state of saving, language: the same on every page. */
export function Head({ study, outbox, blank }: HeadProps) {
  const view = outbox.view.value;
  const fine = view.state === "saved" && view.durable && view.refused === 0;
  return (
    <header class="head">
      <span class="study">{study.name}</span>
      {!(blank && fine) && <SaveState outbox={outbox} />}
      {study.languages.length > 1 && <Languages />}
    </header>
  );
}

interface SheetProps {
  title: string;
  children: ComponentChildren;
  /** Buttons, the main one last. */
  actions?: ComponentChildren;
  testid: string;
  wide?: boolean;
}

/** One page of text with its buttons. Its title has the focus when it opens, so that screen readers begin there. */
export function Sheet({ title, children, actions, testid, wide = false }: SheetProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <main class={wide ? "sheet wide" : "sheet"} data-testid={testid}>
      <div class="card stack">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
        {actions && <div class="actions">{actions}</div>}
      </div>
    </main>
  );
}

/** A box to tick, as large as a finger, with a remark when it is needed and not ticked. */
export function Tick(props: {
  label: string;
  ticked: boolean;
  onTick: (ticked: boolean) => void;
  wrong?: string | null;
  testid: string;
}) {
  return (
    <div class="tick">
      <label>
        <input
          type="checkbox"
          checked={props.ticked}
          aria-invalid={props.wrong ? true : undefined}
          data-testid={props.testid}
          onChange={(event) => props.onTick(event.currentTarget.checked)}
        />
        <span>{props.label}</span>
      </label>
      <p class="wrong" role="alert">
        {props.wrong}
      </p>
    </div>
  );
}

/** Minutes and seconds, as a watch shows them. */
export function watch(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
