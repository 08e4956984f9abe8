import { expect, it } from "vitest";
import { TRAIL_MS, Trail } from "./trail";

it("a trail forgets what is older than its seconds", () => {
  const trail = new Trail();
  for (let time = 0; time <= 6000; time += 10) trail.add(time / 6000, 0, time);
  const first = trail.first(6000);
  expect(trail.valence[trail.slot(first)]).toBeCloseTo((6000 - TRAIL_MS) / 6000, 5);
  expect(trail.valence[trail.slot(trail.end - 1)]).toBe(1);
  expect(trail.freshness(trail.end - 1, 6000)).toBe(1);
  expect(trail.freshness(first, 6000)).toBeCloseTo(0);
});

it("a point that stays is one point, and stays fresh", () => {
  const trail = new Trail();
  for (let time = 0; time < 10_000; time += 16) trail.add(0.3, -0.4, time);
  expect(trail.end).toBe(1);
  expect(trail.freshness(0, 10_000)).toBeGreaterThan(0.99);
});

it("a trail that is longer than its memory keeps its end", () => {
  const trail = new Trail();
  for (let time = 0; time < 3000; time += 1) trail.add(time / 3000, 0, time);
  const first = trail.first(3000);
  expect(trail.end - first).toBe(1024);
  expect(trail.valence[trail.slot(trail.end - 1)]).toBeCloseTo(2999 / 3000, 5);
});
