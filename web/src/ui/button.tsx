import type { ButtonHTMLAttributes } from "preact";

interface Props extends ButtonHTMLAttributes {
  /** primary: the one thing to do here; danger: cannot be undone; plain: without a frame. */
  kind?: "primary" | "danger" | "plain" | undefined;
  compact?: boolean;
  /** Something is under way: the button stays in place, says so and cannot be pressed again. */
  busy?: boolean | undefined;
}

/** A button. Give it its words as children; everything a button element takes is passed on. */
export function Button({ kind, compact, busy, class: more, disabled, ...rest }: Props) {
  const names = ["button", kind, compact && "compact", more].filter(Boolean).join(" ");
  return (
    <button type="button" class={names} disabled={Boolean(disabled) || busy} aria-busy={busy} {...rest} />
  );
}
