import { useEffect, useMemo, useRef } from "preact/hooks";
import { words as annotatorWords } from "../../i18n/annotator";
import { clock } from "../format";
import type { Drawn, Take } from "../takes";
import { words } from "../words";
import { band, known, line, type Series, type Summary, scale, ticks } from "./geometry";
import type { Follow } from "./playhead";
import { useWidth } from "./width";

interface Props {
  drawn: Drawn;
  /** Takes that are shown faintly. */
  shown: readonly Take[];
  /** The take in front of the others. */
  chosen: Take | null;
  follow: Follow;
  onSeek: (seconds: number) => void;
}

const LEFT = 84;
const RIGHT = 10;
const PANEL = 168;
const GAP = 26;
const TOP = 6;
const FOOT = 24;
const HEIGHT = TOP + 2 * PANEL + GAP + FOOT;
const DIMENSIONS = ["valence", "arousal"] as const;

/** Valence and arousal over time: everybody faintly, mean and spread, one person in front, a line where we are. */
export function TimePlot({ drawn, shown, chosen, follow, onSeek }: Props) {
  const [box, width] = useWidth();
  const head = useRef<SVGGElement>(null);
  const { durationS } = drawn;
  const x = useMemo(() => scale(0, durationS, LEFT, width - RIGHT), [durationS, width]);
  useEffect(
    () =>
      follow((seconds) => head.current?.setAttribute("transform", `translate(${x(seconds).toFixed(1)} 0)`)),
    [follow, x],
  );

  const seekTo = (event: PointerEvent) => {
    const rectangle = (event.currentTarget as SVGElement).getBoundingClientRect();
    const pixels = ((event.clientX - rectangle.left) * width) / rectangle.width;
    onSeek(((pixels - LEFT) / (width - LEFT - RIGHT)) * durationS);
  };

  return (
    <div ref={box} class="plot timeplot">
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={words.value.tracks.timeChart(drawn.title)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          seekTo(event);
        }}
        onPointerMove={(event) => event.buttons === 1 && seekTo(event)}
      >
        {ticks(durationS, (width - LEFT) / 64).map((second) => (
          <g key={second}>
            <line class="grid" x1={x(second)} x2={x(second)} y1={TOP} y2={HEIGHT - FOOT} />
            <text x={x(second)} y={HEIGHT - 6} text-anchor="middle">
              {clock(second)}
            </text>
          </g>
        ))}
        {DIMENSIONS.map((dimension, place) => (
          <Panel
            key={dimension}
            dimension={dimension}
            top={TOP + place * (PANEL + GAP)}
            width={width}
            x={x}
            times={drawn.times}
            summary={drawn[dimension]}
            shown={shown}
            chosen={chosen}
          />
        ))}
        <g ref={head} class="playhead">
          <line y1={TOP - 4} y2={HEIGHT - FOOT} />
          <path d={`M-5 ${TOP - 6}h10l-5 7z`} />
        </g>
      </svg>
    </div>
  );
}

interface PanelProps {
  dimension: (typeof DIMENSIONS)[number];
  top: number;
  width: number;
  x: (seconds: number) => number;
  times: readonly number[];
  summary: Summary;
  shown: readonly Take[];
  chosen: Take | null;
}

function Panel({ dimension, top, width, x, times, summary, shown, chosen }: PanelProps) {
  const axes = annotatorWords.value.axes;
  const [up, down] = dimension === "valence" ? [axes.positive, axes.negative] : [axes.high, axes.low];
  const y = useMemo(() => scale(-1, 1, top + PANEL, top), [top]);
  const xs = useMemo(() => times.map(x), [times, x]);
  const each = useMemo(
    () => shown.map((take) => line(xs, mapped(take[dimension], y))),
    [shown, xs, y, dimension],
  );
  const spread = useMemo(() => {
    const ends = (sign: number): Series =>
      summary.mean.map((mean, place) => {
        const deviation = summary.deviation[place];
        return known(mean) && known(deviation) ? y(Math.max(-1, Math.min(1, mean + sign * deviation))) : null;
      });
    return band(xs, ends(-1), ends(1));
  }, [summary, xs, y]);
  return (
    <g class={dimension}>
      {[-1, 0, 1].map((value) => (
        <line
          key={value}
          class={value === 0 ? "zero" : "grid"}
          x1={LEFT}
          x2={width - RIGHT}
          y1={y(value)}
          y2={y(value)}
        />
      ))}
      <text class="title" x={0} y={y(0) + 4}>
        {words.value.agreement[dimension]}
      </text>
      <text x={0} y={y(1) + 9}>
        {up}
      </text>
      <text x={0} y={y(-1)}>
        {down}
      </text>
      {each.map((path, place) => (
        <path key={shown[place]?.id} class="one" d={path} />
      ))}
      <path class="spread" d={spread} />
      <path class="mean" d={line(xs, mapped(summary.mean, y))} />
      {chosen && <path class="chosen" d={line(xs, mapped(chosen[dimension], y))} />}
    </g>
  );
}

function mapped(series: Series, y: (value: number) => number): Series {
  return series.map((value) => (known(value) ? y(value) : null));
}
