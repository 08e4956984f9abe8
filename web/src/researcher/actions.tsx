import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError, api, ask } from "../api/client";
import type { Invitation, PersonProgress } from "../api/schema.gen";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { Notice } from "../ui/notice";
import { words as common } from "../ui/words";
import { LinkDialog } from "./link";
import { words } from "./words";

type Action = "pause" | "readmit" | "drop" | "replace" | "invite";

interface Props {
  person: PersonProgress;
  /** Somebody has taken over already. */
  replaced: boolean;
  /** Called after something was done. */
  onDone: () => void;
}

/** The buttons that make sense for a person now; each asks before it does anything. */
export function Actions({ person, replaced, onDone }: Props) {
  const [open, setOpen] = useState<Action | null>(null);
  const [link, setLink] = useState<Invitation | null>(null);
  const gone = person.status === "dropped";
  const paused = person.status === "paused" || person.step === "paused";
  const possible: readonly (readonly [Action, "danger" | undefined])[] = gone
    ? replaced || person.done >= person.total
      ? []
      : [["replace", undefined]]
    : [
        ["invite", undefined],
        [paused ? "readmit" : "pause", undefined],
        ["drop", "danger"],
      ];
  if (possible.length === 0 && !link) return null;
  const done = (invitation: Invitation | null) => {
    setOpen(null);
    setLink(invitation);
    onDone();
  };
  return (
    <div class="row actions-of">
      {possible.map(([action, kind]) => (
        <Button key={action} kind={kind} onClick={() => setOpen(action)}>
          {words.value.actions[action]}
        </Button>
      ))}
      {open && <Ask action={open} person={person} onClose={() => setOpen(null)} onDone={done} />}
      {link && <LinkDialog invitation={link} onClose={() => setLink(null)} />}
    </div>
  );
}

interface AskProps {
  action: Action;
  person: PersonProgress;
  onClose: () => void;
  onDone: (invitation: Invitation | null) => void;
}

function Ask({ action, person, onClose, onDone }: AskProps) {
  const say = words.value.actions;
  const who = person.annotator;
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  const needsReason = action === "pause" || action === "drop";
  const wrongReason = needsReason && text.trim() === "" ? say.reasonMissing : null;
  const wrongName = action === "drop" && name.trim() !== who ? say.dropWrong : null;

  const submit = async () => {
    setTried(true);
    if (wrongReason || wrongName) return;
    setBusy(true);
    setFailure(null);
    try {
      onDone(await perform(action, who, text.trim()));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailure(error.passing ? common.value.away : error.message);
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={say[`${action}Title`](who)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{common.value.cancel}</Button>
          <Button kind={action === "drop" ? "danger" : "primary"} busy={busy} onClick={() => void submit()}>
            {say[action]}
          </Button>
        </>
      }
    >
      <p>{explained(action, who)}</p>
      {needsReason && (
        <Field label={say.reason} hint={say.reasonHint} wrong={tried ? wrongReason : null}>
          {(control) => (
            <textarea
              {...control}
              maxLength={500}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      {action === "drop" && (
        <Field label={say.dropConfirm(who)} wrong={tried ? wrongName : null}>
          {(control) => (
            <input
              {...control}
              autocomplete="off"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      {action === "replace" && (
        <Field label={say.newcomer} hint={say.newcomerHint}>
          {(control) => (
            <input
              {...control}
              autocomplete="off"
              maxLength={64}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      {failure && (
        <Notice kind="bad" urgent>
          {failure}
        </Notice>
      )}
    </Dialog>
  );
}

function explained(action: Action, who: string): ComponentChildren {
  const say = words.value.actions;
  return action === "replace" ? say.replaceText(who) : say[`${action}Text`];
}

/** Ask the server to do it; what is answered is the link of whoever was invited. */
async function perform(action: Action, annotator: string, text: string): Promise<Invitation | null> {
  const path = { params: { path: { annotator } } };
  switch (action) {
    case "pause":
      await ask(
        api.POST("/api/v1/researcher/annotators/{annotator}/pause", { ...path, body: { reason: text } }),
      );
      return null;
    case "drop":
      await ask(
        api.POST("/api/v1/researcher/annotators/{annotator}/drop", { ...path, body: { reason: text } }),
      );
      return null;
    case "readmit":
      await ask(api.POST("/api/v1/researcher/annotators/{annotator}/readmit", path));
      return null;
    case "replace":
      return ask(
        api.POST("/api/v1/researcher/annotators/{annotator}/replace", {
          ...path,
          body: { newcomer: text || null },
        }),
      );
    case "invite":
      return ask(api.POST("/api/v1/researcher/annotators/{annotator}/invite", path));
  }
}
