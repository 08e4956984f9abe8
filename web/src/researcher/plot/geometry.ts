/** What plots are made of: scales, paths and summaries of trajectories. Pure functions of numbers. */

export type Series = readonly (number | null)[];

/** Map [from, to] to [start, end] in pixels, linearly. */
export function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const factor = (end - start) / (to - from);
  return (value) => start + (value - from) * factor;
}

/** An SVG path through points; where a value is missing the line is interrupted. */
export function line(xs: readonly number[], ys: Series): string {
  let path = "";
  let drawing = false;
  for (let place = 0; place < xs.length; place += 1) {
    const [x, y] = [xs[place], ys[place]];
    if (x === undefined || y === null || y === undefined) {
      drawing = false;
      continue;
    }
    path += `${drawing ? "L" : "M"}${round(x)} ${round(y)}`;
    drawing = true;
  }
  return path;
}

/** An SVG path around what lies between two series, a closed piece for each stretch where both are known. */
export function band(xs: readonly number[], lows: Series, highs: Series): string {
  let path = "";
  let stretch: number[] = [];
  const close = () => {
    if (stretch.length > 1) {
      const there = stretch.map((place) => `${round(xs[place] ?? 0)} ${round(highs[place] ?? 0)}`);
      const back = stretch.toReversed().map((place) => `${round(xs[place] ?? 0)} ${round(lows[place] ?? 0)}`);
      path += `M${there.join("L")}L${back.join("L")}Z`;
    }
    stretch = [];
  };
  for (let place = 0; place < xs.length; place += 1) {
    if (known(lows[place]) && known(highs[place])) stretch.push(place);
    else close();
  }
  close();
  return path;
}

export interface Summary {
  readonly mean: Series;
  /** Standard deviation over people, n − 1 below the line; null for fewer than two. */
  readonly deviation: Series;
  readonly people: readonly number[];
}

/** Mean and spread over series of one grid, step by step; a series may end early. */
export function summarise(all: readonly Series[]): Summary {
  const length = Math.max(0, ...all.map((one) => one.length));
  const mean: (number | null)[] = [];
  const deviation: (number | null)[] = [];
  const people: number[] = [];
  for (let place = 0; place < length; place += 1) {
    const values = all.map((one) => one[place]).filter(known);
    const middle = values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
    const squares = values.reduce((sum, value) => sum + (value - (middle ?? 0)) ** 2, 0);
    mean.push(middle);
    deviation.push(values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null);
    people.push(values.length);
  }
  return { mean, deviation, people };
}

/** Round steps for an axis of so many seconds: at most `most` of them, at 5, 10, 15, 30 s or whole minutes. */
export function ticks(seconds: number, most: number): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  const step = steps.find((one) => seconds / one <= most) ?? 3600;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, place) => place * step);
}

/** Place in a grid that holds at a time: values hold until the next one. */
export function placeAt(seconds: number, rate: number, length: number): number {
  return Math.min(length - 1, Math.max(0, Math.floor(seconds * rate + 1e-9)));
}

export function known(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The value of a grid at a time, on the straight line between two steps: what moves on a screen moves smoothly. */
export function between(series: Series, rate: number, seconds: number): number | null {
  const exact = Math.max(0, seconds * rate);
  const place = Math.min(series.length - 1, Math.floor(exact));
  const [before, after] = [series[place], series[place + 1]];
  if (!known(before)) return null;
  return known(after) ? before + (after - before) * Math.min(1, exact - place) : before;
}
