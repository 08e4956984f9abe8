import { describe, expect, it } from "vitest";
import { MediaClock } from "./mediaclock";

describe("the media clock", () => {
  it("finds the true relation behind an audio clock that moves in steps", () => {
    const clock = new MediaClock();
    const start = 5000.3;
    for (let time = start; time < start + 3000; time += 16.7) {
      const truth = time - start;
      clock.read(time, Math.floor(truth / 23) * 23); // a sound card with buffers of 23 ms
      if (truth > 1000) expect(Math.abs(clock.positionAt(time) - truth)).toBeLessThan(2);
    }
    expect(clock.timeOf(1234) - start).toBeCloseTo(1234, -1);
    expect(clock.positionAt(clock.timeOf(777))).toBeCloseTo(777, 9);
  });

  it("follows a sound card that runs a little fast or slow", () => {
    const clock = new MediaClock();
    for (let time = 0; time < 600_000; time += 25) clock.read(time, time * 0.9998);
    expect(Math.abs(clock.positionAt(600_000) - 600_000 * 0.9998)).toBeLessThan(1);
  });

  it("begins anew after the sound stood still", () => {
    const clock = new MediaClock();
    for (let time = 0; time < 4000; time += 25) {
      clock.read(time, time < 1000 ? time : time < 1600 ? 1000 : time - 600);
    }
    expect(clock.positionAt(4000)).toBeCloseTo(3400, 0);
    expect(clock.latest).toBe(3375);
  });

  it("knows nothing before the first reading", () => {
    expect(new MediaClock().running).toBe(false);
    expect(new MediaClock().positionAt(10)).toBeNaN();
  });
});
