import { describe, expect, it } from "vitest";
import { MediaClock } from "./mediaclock";
import { Pointer } from "./pointer";
import { type Sample, Sampler, SETTLE_MS } from "./sampler";

function playing(durationMs: number, rate = 20) {
  const pointer = new Pointer();
  const clock = new MediaClock();
  const samples: Sample[] = [];
  return { pointer, clock, samples, sampler: new Sampler(rate, durationMs, pointer, clock) };
}

describe("the sampler", () => {
  it("takes 20 samples a second at equal steps of the sound, numbered from 0", () => {
    const { pointer, clock, samples, sampler } = playing(10_000);
    for (let time = 1000; time <= 11_000; time += 17) {
      pointer.moveTo(Math.sin(time / 900) * 0.9, 0, time, "mouse");
      clock.read(time, time - 1000);
      sampler.collect(time, samples);
    }
    sampler.finish(samples);
    expect(samples.map((sample) => sample[0])).toEqual(Array.from({ length: 201 }, (_, index) => index));
    expect(samples.map((sample) => sample[1])).toEqual(Array.from({ length: 201 }, (_, index) => index * 50));
  });

  it("gives what was held at the moment the place was heard, however late and uneven the timer", () => {
    const { pointer, clock, samples, sampler } = playing(6000);
    const said = (time: number) => Math.round(Math.sin(time / 500) * 900) / 1000;
    let nextTick = 0;
    for (let time = 0; time <= 6100; time += 4) {
      if (time <= 6000) pointer.moveTo(said(time), 0, time, "mouse"); // a mouse with 250 events a second
      if (time < nextTick) continue;
      clock.read(time, time);
      sampler.collect(time, samples);
      nextTick = time + ([16, 90, 400][time % 3] ?? 0);
    }
    sampler.finish(samples);
    expect(samples).toHaveLength(121);
    for (const [, position, clientMs, valence] of samples) {
      expect(clientMs).toBeCloseTo(position, 0);
      expect(Math.abs((valence as number) - said(4 * Math.floor(position / 4)))).toBeLessThan(1e-5);
    }
  });

  it("holds the last point when the pointer leaves and says so; says null before anything was said", () => {
    const { pointer, clock, samples, sampler } = playing(1000);
    for (let time = 0; time <= 1000; time += 10) {
      if (time === 200) pointer.moveTo(0.25, -0.5, time, "touch");
      if (time === 600) pointer.leave(time);
      clock.read(time, time);
      sampler.collect(time, samples);
    }
    sampler.finish(samples);
    expect(samples[3]?.slice(3)).toEqual([null, null, 0]);
    expect(samples[4]?.slice(3)).toEqual([0.25, -0.5, 1]);
    expect(samples[11]?.slice(3)).toEqual([0.25, -0.5, 1]);
    expect(samples[12]?.slice(3)).toEqual([0.25, -0.5, 0]);
    expect(samples[20]?.slice(3)).toEqual([0.25, -0.5, 0]);
  });

  it("waits a little for events that are on their way", () => {
    const { pointer, clock, samples, sampler } = playing(1000);
    clock.read(0, 0);
    sampler.collect(0, samples);
    clock.read(100, 100);
    sampler.collect(100, samples);
    expect(samples).toHaveLength(1); // 0; 50 is not settled yet
    pointer.moveTo(0.5, 0, 45, "mouse"); // arrives late, with its own time
    clock.read(50 + SETTLE_MS, 50 + SETTLE_MS);
    sampler.collect(50 + SETTLE_MS, samples);
    expect(samples[1]?.[3]).toBe(0.5);
  });

  it("makes nothing up for a page that slept, and tells how long", () => {
    const { pointer, clock, samples, sampler } = playing(20_000);
    pointer.moveTo(0.1, 0.1, 0, "mouse");
    let slept = 0;
    for (const time of [0, 500, 1000, 9000, 9500]) {
      clock.read(time, time);
      slept += sampler.collect(time, samples);
    }
    expect(slept).toBe(8000);
    expect(samples.filter(([, position]) => position > 950 && position < 8900)).toEqual([]);
    expect(samples.map(([seq]) => seq)).toEqual(samples.map((_, index) => index));
  });

  it("never passes the end of the sound", () => {
    const { clock, samples, sampler } = playing(333);
    clock.read(5000, 5000);
    sampler.breakOff(5000, samples);
    sampler.finish(samples);
    expect(samples.at(-1)?.[1]).toBe(300);
  });

  it("keeps points of the unit circle inside it after rounding", () => {
    const { pointer, clock, samples, sampler } = playing(50, 20);
    for (let degrees = 0; degrees < 360; degrees += 1) {
      const angle = (degrees * Math.PI) / 180;
      pointer.moveTo(1.03 * Math.cos(angle), 1.03 * Math.sin(angle), degrees, "mouse");
    }
    clock.read(400, 0);
    sampler.finish(samples);
    expect(Math.hypot(samples[0]?.[3] as number, samples[0]?.[4] as number)).toBeLessThanOrEqual(1);
  });
});
