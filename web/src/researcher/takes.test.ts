import { describe, expect, test } from "vitest";
import type { Trajectories, Trajectory } from "../api/schema.gen";
import { between } from "./plot/geometry";
import { prepare } from "./takes";

function take(annotator: string, value: number, change: Partial<Trajectory> = {}): Trajectory {
  return {
    trial_id: `${annotator}${value}`,
    annotator,
    kind: "work",
    valid: true,
    started_at: 0,
    time_s: [0, 0.5],
    valence: [null, value],
    arousal: [0, -value],
    ...change,
  };
}

function track(...takes: Trajectory[]): Trajectories {
  return { track_id: "t1", title: "", duration_s: 1, rate_hz: 2, takes };
}

describe("a track", () => {
  test("is summarised over people: second hearings and broken-off takes are shown and do not count", () => {
    const drawn = prepare(
      track(
        take("a10", 0.4),
        take("a2", 0.9, { started_at: 7, kind: "duplicate" }),
        take("a2", 0.2, { started_at: 3 }),
        take("a3", -0.9, { valid: false }),
        take("a4", -0.9, { kind: "calibration" }),
      ),
    );
    expect(drawn.takes.map((one) => [one.annotator, one.second, one.valid])).toEqual([
      ["a2", false, true],
      ["a2", true, true],
      ["a3", false, false],
      ["a4", false, true],
      ["a10", false, true],
    ]);
    expect(drawn.valence.mean[0]).toBeNull();
    expect(drawn.valence.mean[1]).toBeCloseTo(0.3, 12);
    expect(drawn.arousal.mean[1]).toBeCloseTo(-0.3, 12);
    expect(drawn.valence.people).toEqual([0, 2]);
    expect(drawn.title).toBe("t1");
  });

  test("that is in nobody's work is summarised over what there is", () => {
    const drawn = prepare(
      track(take("a1", 0.5, { kind: "calibration" }), take("a2", 0.7, { kind: "training" })),
    );
    expect(drawn.valence.mean[1]).toBeCloseTo(0.6, 12);
  });

  test("that nobody heard has nothing to draw", () => {
    const drawn = prepare(track());
    expect(drawn.times).toEqual([]);
    expect(drawn.valence.people).toEqual([]);
  });
});

test("between two steps values lie on the line; after the last they hold; unknown stays unknown", () => {
  const series = [null, 0, 1];
  expect([0, 0.5, 0.75, 1, 9].map((time) => between(series, 2, time))).toEqual([null, 0, 0.5, 1, 1]);
  expect(between([], 2, 0)).toBeNull();
});
