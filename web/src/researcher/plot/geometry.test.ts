import { describe, expect, test } from "vitest";
import { band, line, placeAt, scale, summarise, ticks } from "./geometry";

test("a scale maps the ends to the ends, upside down too", () => {
  const y = scale(-1, 1, 100, 0);
  expect([y(-1), y(0), y(1)]).toEqual([100, 50, 0]);
});

test("a line is interrupted where nothing is known", () => {
  expect(line([0, 1, 2, 3, 4], [5, 6, null, 7, 8])).toBe("M0 5L1 6M3 7L4 8");
  expect(line([], [])).toBe("");
});

test("a band goes there above and back below, piece by piece; a single point has no width", () => {
  expect(band([0, 1, 2, 3, 4], [0, 1, null, 9, null], [2, 3, 4, 9, 9])).toBe("M0 2L1 3L1 1L0 0Z");
  expect(band([0, 1, 2, 3], [0, 0, null, 0], [1, 1, 1, 1])).toBe("M0 1L1 1L1 0L0 0Z");
});

describe("a summary", () => {
  test("has the mean and the standard deviation of a sample", () => {
    // 2, 4, 9: mean 5, squares 9 + 1 + 16 = 26, over 2 = 13.
    const { mean, deviation, people } = summarise([[2], [4], [9]]);
    expect(mean).toEqual([5]);
    expect(deviation[0]).toBeCloseTo(Math.sqrt(13), 12);
    expect(people).toEqual([3]);
  });

  test("counts at each step those who had said something, also when a take ended early", () => {
    const { mean, deviation, people } = summarise([
      [null, 1, 1],
      [0, 3],
    ]);
    expect(mean).toEqual([0, 2, 1]);
    expect(deviation[0]).toBeNull();
    expect(deviation[1]).toBeCloseTo(Math.SQRT2, 12);
    expect(people).toEqual([1, 2, 1]);
    expect(summarise([])).toEqual({ mean: [], deviation: [], people: [] });
  });
});

test.each([
  [30, 6, [0, 5, 10, 15, 20, 25, 30]],
  [61, 6, [0, 15, 30, 45, 60]],
  [300, 6, [0, 60, 120, 180, 240, 300]],
])("%d seconds have at most %d round steps", (seconds, most, expected) => {
  expect(ticks(seconds, most)).toEqual(expected);
});

test("a value holds until the next one, the last for good", () => {
  // 0.7 * 10 is 6.999…: rounding errors do not lead back.
  expect([-1, 0, 0.05, 0.1, 0.7, 99].map((time) => placeAt(time, 10, 20))).toEqual([0, 0, 0, 1, 7, 19]);
});
