import type { ComponentChildren } from "preact";

interface Props {
  /** What is progressing; read out with the value. */
  label: string;
  value: number;
  max: number;
  /** What is shown at the end of the line instead of "value / max". */
  text?: string;
  /** Shown at the start of the line instead of the label. */
  children?: ComponentChildren;
}

/** A bar with its words above. */
export function Progress({ label, value, max, text, children }: Props) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  const said = text ?? `${value} / ${max}`;
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={max}
      aria-valuenow={Math.min(value, max)}
      aria-valuetext={said}
    >
      <span class="words">
        <span>{children ?? label}</span>
        <span class="number">{said}</span>
      </span>
      <span class="track">
        <span class="fill" style={{ width: `${100 * share}%` }} />
      </span>
    </div>
  );
}
