import { useRef, useState } from "preact/hooks";
import type { Invitation } from "../api/schema.gen";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { words as common } from "../ui/words";
import { words } from "./words";

/** A new link, shown once, with a button that copies it. */
export function LinkDialog({ invitation, onClose }: { invitation: Invitation; onClose: () => void }) {
  const say = words.value.actions;
  const [copied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const link = new URL(invitation.link_path, location.origin).href;

  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      // Without TLS, or without permission, there is no clipboard: the link is selected, and this old way works.
      if (!document.execCommand("copy")) return;
    }
    setCopied(true);
  };

  return (
    <Dialog
      title={say.linkTitle(invitation.annotator)}
      onClose={onClose}
      actions={
        <>
          <Button kind="primary" onClick={() => void copy()}>
            {copied ? `✓ ${common.value.copied}` : common.value.copy}
          </Button>
          <Button onClick={onClose}>{say.done}</Button>
        </>
      }
    >
      <Field label={say.linkText}>
        {(control) => (
          <input
            {...control}
            ref={field}
            readOnly
            defaultValue={link}
            onFocus={(event) => event.currentTarget.select()}
          />
        )}
      </Field>
      <span class="unseen" role="status">
        {copied ? common.value.copied : ""}
      </span>
    </Dialog>
  );
}
