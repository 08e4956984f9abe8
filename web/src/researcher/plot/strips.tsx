import { two } from "../format";
import { scale } from "./geometry";
import { useWidth } from "./width";

export interface Mark {
  readonly value: number;
  /** good: filled; bad: a cross; valence, arousal: in the colour of the dimension. */
  readonly form: "good" | "bad" | "valence" | "arousal";
  readonly title: string;
  /** Ends of an interval. */
  readonly interval?: readonly [number, number] | undefined;
}

export interface Strip {
  readonly name: string;
  readonly href?: string;
  readonly marks: readonly Mark[];
}

interface Props {
  label: string;
  from: number;
  to: number;
  rows: readonly Strip[];
  /** A line that marks what matters. */
  limit?: { readonly value: number; readonly text: string };
  /** Pixels kept for the names. */
  gutter?: number;
}

const ROW = 24;
const HEAD = { plain: 8, limit: 26 };
const FOOT = 26;
const SIDE = 14;

/** A row a name, with marks on a common scale: where things stand, and how far apart. */
export function Strips({ label, from, to, rows, limit, gutter = gutterOf(rows) }: Props) {
  const [box, width] = useWidth();
  const x = scale(from, to, gutter, width - SIDE);
  // What holds links is no picture.
  const linked = rows.some((row) => row.href);
  const head = limit ? HEAD.limit : HEAD.plain;
  const height = head + ROW * rows.length + FOOT;
  const step = [0.05, 0.1, 0.2, 0.25, 0.5].find((one) => (to - from) / one <= width / 72) ?? 0.5;
  const grid = Array.from(
    { length: Math.floor((to - from) / step + 1e-9) + 1 },
    (_, place) => from + place * step,
  );
  return (
    <div ref={box} class="plot">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        role={linked ? "group" : "img"}
        aria-label={label}
      >
        {grid.map((value) => (
          <g key={value}>
            <line class="grid" x1={x(value)} x2={x(value)} y1={head - 4} y2={height - FOOT} />
            <text x={x(value)} y={height - FOOT + 17} text-anchor="middle">
              {two(value)}
            </text>
          </g>
        ))}
        {limit && (
          <g class="limit">
            <line x1={x(limit.value)} x2={x(limit.value)} y1={head - 8} y2={height - FOOT} />
            <text x={x(limit.value)} y={head - 13} text-anchor="middle">
              {limit.text}
            </text>
          </g>
        )}
        {rows.map((row, place) => (
          <Row
            key={row.name}
            row={row}
            y={head + ROW * (place + 0.5)}
            x={x}
            right={width - SIDE}
            gutter={gutter}
          />
        ))}
      </svg>
    </div>
  );
}

interface RowProps {
  row: Strip;
  y: number;
  x: (value: number) => number;
  gutter: number;
  right: number;
}

function Row({ row, y, x, gutter, right }: RowProps) {
  const name = (
    <text class="name" x={0} y={y + 4}>
      {row.name}
    </text>
  );
  const spread = row.marks.length > 1 && row.marks.some((mark) => mark.form === "valence") ? 5 : 0;
  return (
    <g>
      <line class="row" x1={gutter} x2={right} y1={y} y2={y} />
      {row.href ? <a href={row.href}>{name}</a> : name}
      {row.marks.map((mark, place) => {
        // Two dimensions would cover each other on one line.
        const at = y + spread * (2 * place - (row.marks.length - 1));
        return (
          <g key={`${mark.form}${mark.value}${mark.title}`} class={`mark-of ${mark.form}`}>
            <title>{mark.title}</title>
            {mark.interval && (
              <line class="interval" x1={x(mark.interval[0])} x2={x(mark.interval[1])} y1={at} y2={at} />
            )}
            {mark.form === "bad" ? (
              <path d={`M${x(mark.value) - 4.5} ${at - 4.5}l9 9m0 -9l-9 9`} />
            ) : (
              <circle cx={x(mark.value)} cy={at} r={mark.interval ? 4.2 : 5} />
            )}
          </g>
        );
      })}
    </g>
  );
}

/** Room for the longest name, as far as it can be told without drawing it: a Han character is about twice as wide. */
function gutterOf(rows: readonly Strip[]): number {
  const width = (name: string) => [...name].reduce((sum, sign) => sum + (sign > "\u2e7f" ? 13.5 : 7.4), 0);
  return Math.min(190, Math.max(48, ...rows.map((row) => width(row.name))) + 14);
}
