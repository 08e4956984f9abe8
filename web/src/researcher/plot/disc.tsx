import { useEffect, useMemo, useRef } from "preact/hooks";
import { TERMS } from "../../core/circle";
import { words as annotatorWords } from "../../i18n/annotator";
import type { Drawn, Take } from "../takes";
import { words } from "../words";
import { between, line, type Series } from "./geometry";
import type { Follow } from "./playhead";

interface Props {
  drawn: Drawn;
  shown: readonly Take[];
  chosen: Take | null;
  follow: Follow;
}

const RADIUS = 150;
const MARGIN = 58;
const SIZE = 2 * (RADIUS + MARGIN);

/** The paths in the disc with the twelve terms: the mean's and one person's, and everybody as dots where they are now. */
export function Disc({ drawn, shown, chosen, follow }: Props) {
  const dots = useRef<SVGGElement>(null);
  const mean = useRef<SVGCircleElement>(null);
  const front = useRef<SVGCircleElement>(null);
  const axes = annotatorWords.value.axes;
  const { rate, valence, arousal } = drawn;
  const meanPath = useMemo(() => pathOf(valence.mean, arousal.mean), [valence, arousal]);
  const chosenPath = useMemo(() => (chosen ? pathOf(chosen.valence, chosen.arousal) : ""), [chosen]);

  useEffect(
    () =>
      follow((seconds) => {
        const put = (dot: Element | null | undefined, v: Series, a: Series) => {
          const [x, y] = [between(v, rate, seconds), between(a, rate, seconds)];
          if (!dot) return;
          dot.classList.toggle("away", x === null || y === null);
          dot.setAttribute("cx", ((x ?? 0) * RADIUS).toFixed(1));
          dot.setAttribute("cy", (-(y ?? 0) * RADIUS).toFixed(1));
        };
        shown.forEach((take, place) => {
          put(dots.current?.children[place], take.valence, take.arousal);
        });
        put(mean.current, valence.mean, arousal.mean);
        if (chosen) put(front.current, chosen.valence, chosen.arousal);
      }),
    [follow, shown, chosen, valence, arousal, rate],
  );

  return (
    <svg
      class="disc"
      viewBox={`${-SIZE / 2} ${-SIZE / 2} ${SIZE} ${SIZE}`}
      role="img"
      aria-label={words.value.tracks.path}
    >
      <circle class="ground" r={RADIUS} />
      <path class="axes" d={`M${-RADIUS} 0H${RADIUS}M0 ${-RADIUS}V${RADIUS}`} />
      <circle class="half" r={RADIUS / 2} />
      {TERMS.map(({ name, degrees }) => (
        <TermName key={name} name={name} degrees={degrees} />
      ))}
      <path class="mean" d={meanPath} />
      {chosen && <path class="chosen" d={chosenPath} />}
      <text class="axis" x={-RADIUS + 6} y={-6}>
        {axes.negative}
      </text>
      <text class="axis" x={RADIUS - 6} y={-6} text-anchor="end">
        {axes.positive}
      </text>
      <text class="axis" x={6} y={-RADIUS + 24}>
        {axes.high}
      </text>
      <text class="axis" x={6} y={RADIUS - 16}>
        {axes.low}
      </text>
      <g ref={dots}>
        {shown.map((take) => (
          <circle key={take.id} class="dot" r={3.2}>
            <title>{take.annotator}</title>
          </circle>
        ))}
      </g>
      <circle ref={mean} class="dot mean-now" r={6.5} />
      {chosen && <circle ref={front} class="dot chosen-now" r={6.5} />}
    </svg>
  );
}

function TermName({ name, degrees }: { name: string; degrees: number }) {
  const angle = (degrees * Math.PI) / 180;
  const [x, y] = [Math.cos(angle), -Math.sin(angle)];
  const anchor = Math.abs(x) < 0.3 ? "middle" : x > 0 ? "start" : "end";
  return (
    <>
      <circle class="tick" cx={RADIUS * x} cy={RADIUS * y} r={2} />
      <text class="term" x={(RADIUS + 9) * x} y={(RADIUS + 11) * y + 4} text-anchor={anchor}>
        {annotatorWords.value.terms[name] ?? name}
      </text>
    </>
  );
}

function pathOf(valence: Series, arousal: Series): string {
  const xs = valence.map((value) => (value ?? 0) * RADIUS);
  return line(
    xs,
    arousal.map((value, place) => (value === null || valence[place] == null ? null : -value * RADIUS)),
  );
}
