import { describe, expect, it } from "vitest";
import { RIM, TERMS } from "../core/circle";
import { dialSize, wordPath } from "./geometry";

/** Start, radius, sweep and end of an arc's path. */
function arc(path: string): { start: number[]; end: number[]; radius: number; sweep: number } {
  const numbers = (path.match(/-?[\d.]+/g) ?? []).map(Number);
  const [startX = 0, startY = 0, radius = 0, , , , sweep = 0, endX = 0, endY = 0] = numbers;
  return { start: [startX, startY], end: [endX, endY], radius, sweep };
}

describe.each([
  ["a small phone", 320, 16],
  ["a laptop", 690, 16],
  ["a large screen", 1000, 16],
  ["text at twice its size", 600, 32],
])("the dial on %s", (_name, side, rem) => {
  const size = dialSize(side, rem);

  it("holds disc, rim, words and the hand of time, one inside the other", () => {
    expect(size.radius * (1 + RIM) + 2 * size.text).toBeLessThanOrEqual(size.time);
    expect(size.time + 2).toBeLessThanOrEqual(side / 2);
    expect(size.radius).toBeGreaterThan(side / 4);
    expect(size.text).toBeGreaterThanOrEqual(0.75 * rem);
  });

  it("lets every word read from left to right, outside the rim and inside the hand", () => {
    for (const term of TERMS) {
      const { start, end, radius, sweep } = arc(wordPath(term, size));
      const rises = Math.abs(Math.cos((term.degrees * Math.PI) / 180)) > 0.9; // beside the disc words stand almost upright
      if (!rises) expect(end[0]).toBeGreaterThan(start[0] ?? 0);
      expect(sweep).toBe(term.degrees < 180 ? 1 : 0);
      expect(radius).toBeGreaterThan(size.radius + size.rim);
      expect(radius).toBeLessThan(size.time);
      for (const point of [start, end]) {
        const away = Math.hypot((point[0] ?? 0) - side / 2, (point[1] ?? 0) - side / 2);
        expect(Math.abs(away - radius)).toBeLessThan(0.05);
      }
    }
  });
});
