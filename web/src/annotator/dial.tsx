import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Point, RIM, type Term } from "../core/circle";
import type { Pointer } from "../core/pointer";
import { words } from "../i18n/annotator";
import { DialView, type Mode, type Surroundings } from "./dialview";
import { type DialSize, dialSize, wordPath } from "./geometry";

interface Props {
  terms: readonly Term[];
  pointer: Pointer;
  mode: Mode;
  around: Surroundings;
  /** Where an example lies. */
  mark?: Point | null | undefined;
  /** What stands in the middle: a button, a count, a word. */
  children?: ComponentChildren;
}

/** The disc of emotions with its words, and all that moves on it. */
export function Dial({ terms, pointer, mode, around, mark, children }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const lit = useRef<(SVGElement | null)[]>([]);
  const view = useRef<DialView | null>(null);
  const latest = useRef(around);
  latest.current = around;
  const [size, setSize] = useState<DialSize>(() => dialSize(320, 16));
  const id = useId();
  const say = words.value;

  useLayoutEffect(() => {
    if (!host.current || !canvas.current) return;
    const made = new DialView(
      host.current,
      canvas.current,
      lit.current,
      terms,
      pointer,
      {
        share: (time) => latest.current.share(time),
        resting: () => latest.current.resting(),
        frame: (time) => latest.current.frame(time),
        button: () => latest.current.button(),
      },
      setSize,
    );
    view.current = made;
    return () => made.destroy();
  }, [terms, pointer]);

  useLayoutEffect(() => view.current?.setMode(mode), [mode]);

  // Who began by keyboard goes on by keyboard: the button that was pressed is gone, its focus comes here.
  useEffect(() => {
    const lost = document.activeElement === document.body;
    if (mode === "live" && lost && pointer.device === "keyboard")
      host.current?.focus({ preventScroll: true });
  }, [mode, pointer]);

  return (
    <div
      ref={host}
      class={`dial ${mode}`}
      tabIndex={mode === "off" ? -1 : 0}
      role="application"
      aria-label={say.stage.disc}
      aria-describedby={`${id}-help`}
      data-testid="dial"
      data-mode={mode}
      data-radius={size.radius.toFixed(1)}
    >
      <span class="unseen" id={`${id}-help`}>
        {say.stage.discHelp}
      </span>
      <div class="tint" style={{ width: `${2 * size.radius}px`, height: `${2 * size.radius}px` }} />
      <Face size={size} terms={terms} id={id} lit={lit.current} mark={mark} />
      <canvas ref={canvas} />
      <div class="centre">{children}</div>
    </div>
  );
}

interface FaceProps {
  size: DialSize;
  terms: readonly Term[];
  id: string;
  lit: (SVGElement | null)[];
  mark?: Point | null | undefined;
}

/** What stands still: rim, rings, axes, words, and the mark of an example. */
function Face({ size, terms, id, lit, mark }: FaceProps) {
  const say = words.value;
  const middle = size.side / 2;
  const { radius } = size;
  const inset = 0.035 * radius + 4;
  const small = Math.max(11, 0.82 * size.text);
  return (
    <svg class="face" viewBox={`0 0 ${size.side} ${size.side}`} aria-hidden="true">
      <circle class="hand" cx={middle} cy={middle} r={size.time} />
      <circle class="rim" cx={middle} cy={middle} r={radius + size.rim / 2} stroke-width={radius * RIM} />
      <circle class="edge" cx={middle} cy={middle} r={radius} />
      <circle class="ring" cx={middle} cy={middle} r={radius / 3} />
      <circle class="ring" cx={middle} cy={middle} r={(2 * radius) / 3} />
      <path class="axis" d={axes(middle, radius, inset + 1.7 * small)} />
      <g class="axes" font-size={small}>
        <text x={middle - radius + inset} y={middle - 0.5 * small}>
          {say.axes.negative}
        </text>
        <text x={middle + radius - inset} y={middle - 0.5 * small} text-anchor="end">
          {say.axes.positive}
        </text>
        <text x={middle} y={middle - radius + inset + 0.9 * small} text-anchor="middle">
          {say.axes.high}
        </text>
        <text x={middle} y={middle + radius - inset - 0.2 * small} text-anchor="middle">
          {say.axes.low}
        </text>
      </g>
      {terms.map((term, index) => (
        <g key={term.name}>
          <path id={`${id}-${index}`} d={wordPath(term, size)} fill="none" />
          <text
            class="word"
            font-size={size.text}
            data-term={term.name}
            ref={(element: SVGTextElement | null) => {
              lit[index] = element;
            }}
          >
            <textPath href={`#${id}-${index}`} startOffset="50%" text-anchor="middle">
              {say.terms[term.name] ?? term.name}
            </textPath>
          </text>
        </g>
      ))}
      {mark && (
        <g
          class="mark"
          transform={`translate(${middle + mark.valence * radius} ${middle - mark.arousal * radius})`}
        >
          <circle r={Math.max(16, 0.075 * radius)} />
          <path d="M-5 0h10M0 -5v10" />
        </g>
      )}
    </svg>
  );
}

/** Both axes; the upright one leaves room for its words. */
function axes(middle: number, radius: number, room: number): string {
  const reach = radius - room;
  return `M${middle - radius} ${middle}h${2 * radius}M${middle} ${middle - reach}v${2 * reach}`;
}
