import type { ComponentChildren } from "preact";

type Kind = "info" | "good" | "warn" | "bad";

const SIGNS: Readonly<Record<Kind, string>> = { info: "i", good: "✓", warn: "!", bad: "✕" };

interface Props {
  kind?: Kind;
  /** Read out as soon as it appears. */
  urgent?: boolean;
  children: ComponentChildren;
}

/** A remark with a sign: the colour alone says nothing. */
export function Notice({ kind = "info", urgent = false, children }: Props) {
  return (
    <div class={`notice ${kind}`} role={urgent ? "alert" : "status"}>
      <span class="sign" aria-hidden="true">
        {SIGNS[kind]}
      </span>
      <div>{children}</div>
    </div>
  );
}
