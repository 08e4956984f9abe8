import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Control {
  id: string;
  class: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

interface Props {
  label: ComponentChildren;
  hint?: ComponentChildren;
  /** What is wrong with the value; read out, and shown beside the control. */
  wrong?: string | null | undefined;
  /** Draws the control: `(control) => <input {...control} … />`. */
  children: (control: Control) => ComponentChildren;
}

/** A labelled control with a hint and its error, tied together for screen readers. */
export function Field({ label, hint, wrong, children }: Props) {
  const id = useId();
  const about = [hint ? `${id}-hint` : "", wrong ? `${id}-wrong` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {children({
        id,
        class: "input",
        "aria-describedby": about || undefined,
        "aria-invalid": wrong ? true : undefined,
      })}
      {wrong && (
        <span class="wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </span>
      )}
    </div>
  );
}
