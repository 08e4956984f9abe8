import { beforeEach, describe, expect, it } from "vitest";
import { Outbox, type Timing } from "./outbox";
import { Pointer } from "./pointer";
import { HIDDEN_MS, Run, type Sound } from "./run";
import type { Sample } from "./sampler";
import { MemoryStore, type TrialEvent } from "./store";

/** A sound card whose clock follows the test's, until it is stopped. */
class Card implements Sound {
  now = 0;
  latency: number | null = 20;
  stoppedAt: number | null = null;
  frozenAt: number | null = null;
  constructor(
    readonly durationMs: number,
    private readonly startsAt: number,
  ) {}
  positionMs = () => Math.min((this.frozenAt ?? this.now) - this.startsAt, this.durationMs);
  latencyMs = () => this.latency;
  stop() {
    this.stoppedAt = this.now;
  }
}

interface Arrived {
  number: number;
  samples: readonly Sample[];
  events: readonly TrialEvent[];
}

const timing: Timing = { now: () => 0, later: () => () => {}, random: () => 0.5 };
const quiet = () => new Promise((resolve) => setTimeout(resolve, 10));

let arrived: Arrived[];
let endings: string[];
let store: MemoryStore;
let outbox: Outbox;

beforeEach(async () => {
  arrived = [];
  endings = [];
  store = new MemoryStore();
  outbox = new Outbox(
    store,
    {
      batch: async (_trial, number, samples, events) => void arrived.push({ number, samples, events }),
      finish: async (trial, batches) => void endings.push(`finish ${trial} ${batches}`),
      interrupt: async (trial, reason) => void endings.push(`interrupt ${trial} ${reason}`),
      renew: async () => false,
    },
    timing,
  );
  await outbox.open("a1");
  await outbox.begin("t1", 1);
});

function take(durationMs: number, startsAt = 1000) {
  const pointer = new Pointer();
  const card = new Card(durationMs, startsAt);
  let ended = 0;
  const run = new Run("t1", card, pointer, outbox, { sampleRateHz: 20, batchIntervalMs: 2000 }, () => {
    ended += 1;
  });
  const pass = (from: number, to: number, step = 25) => {
    for (let time = from; time <= to; time += step) {
      card.now = time;
      run.tick(time);
    }
  };
  run.begin(900);
  return { run, card, pointer, pass, ended: () => ended };
}

describe("a take", () => {
  it("sends every sample of the track in numbered batches and then finishes", async () => {
    const { run, pointer, pass, card, ended } = take(5000);
    pointer.moveTo(0.2, 0.3, 990, "mouse");
    pass(1000, 6100);
    run.end(6100);
    await run.settled;
    expect(arrived.map((batch) => batch.number)).toEqual([0, 1, 2]);
    const samples = arrived.flatMap((batch) => batch.samples);
    expect(samples.map(([seq]) => seq)).toEqual([...Array(101).keys()]);
    expect(samples.map(([, position]) => position)).toEqual(
      [...Array(101).keys()].map((index) => index * 50),
    );
    expect(samples.every((sample) => sample[3] === 0.2 && sample[5] === 1)).toBe(true);
    expect(endings).toEqual(["finish t1 3"]);
    expect(card.stoppedAt).toBeNull();
    expect(ended()).toBe(1);
    const events = arrived.flatMap((batch) => batch.events);
    expect(events.map((event) => event.kind)).toEqual(["play", "ended"]);
    expect(events[0]).toMatchObject({ position_ms: 0, detail: "output latency 20.0 ms" });
    expect(events[1]).toMatchObject({ position_ms: 5000 });
  });

  it("keeps what it records in the browser between batches too", async () => {
    const { pass } = take(60_000);
    pass(1000, 2300);
    await quiet();
    const [draft] = await store.batches("a1");
    expect(draft).toMatchObject({ number: 0, sealed: false });
    expect(draft?.samples.length).toBeGreaterThan(15);
    expect(arrived).toEqual([]);
  });

  it("broken off stops the sound, keeps what was recorded and tells why", async () => {
    const { run, pass, card } = take(60_000);
    pass(1000, 4500);
    run.breakOff("annotator", 4500);
    await run.settled;
    run.end(4600); // the sound card's word comes too late
    expect(card.stoppedAt).toBe(4500);
    expect(endings).toEqual(["interrupt t1 annotator"]);
    const samples = arrived.flatMap((batch) => batch.samples);
    expect(samples.at(-1)?.[1]).toBe(3500);
    expect(arrived.at(-1)?.events.at(-1)).toMatchObject({ kind: "pause", detail: "broken off: annotator" });
  });

  it("is broken off when the page stays hidden, and only then", async () => {
    const { run, pass } = take(60_000);
    pass(1000, 2000);
    run.shown(false, 2000);
    pass(2025, 2000 + HIDDEN_MS - 500);
    run.shown(true, 2000 + HIDDEN_MS - 500);
    pass(2000 + HIDDEN_MS, 9000);
    expect(run.playing).toBe(true);
    run.shown(false, 9000);
    pass(9025, 9100 + HIDDEN_MS);
    expect(run.playing).toBe(false);
    expect(run.broken).toBe("hidden");
    await run.settled;
    const seen = arrived.flatMap((batch) => batch.events).map((event) => `${event.kind} ${event.detail}`);
    expect(seen.filter((event) => event.startsWith("visibility"))).toEqual([
      "visibility hidden",
      "visibility visible",
      "visibility hidden",
    ]);
  });

  it("writes a stall of the sound down, and goes on if it was short", async () => {
    const { run, pass, card } = take(60_000);
    pass(1000, 3000);
    card.frozenAt = 3000;
    pass(3025, 4000);
    card.frozenAt = null;
    expect(run.playing).toBe(true);
    pass(4025, 8000);
    run.breakOff("annotator", 8000);
    await run.settled;
    const stalls = arrived.flatMap((batch) => batch.events).filter((event) => event.kind === "stall");
    expect(stalls.map((event) => event.detail)).toEqual(["the sound stood still for 1025 ms"]);
    const positions = arrived.flatMap((batch) => batch.samples).map((sample) => sample[1]);
    expect(positions.slice(0, 42)).toEqual([...Array(42).keys()].map((index) => index * 50));
  });

  it("is broken off when the sound does not come back", async () => {
    const { run, pass, card } = take(60_000);
    pass(1000, 3000);
    card.frozenAt = 3000;
    pass(3025, 9000);
    expect(run.broken).toBe("stalled");
    await run.settled;
    expect(endings).toEqual(["interrupt t1 stalled"]);
  });

  it("writes down that the page did not run, and does not call it a stall of the sound", async () => {
    const { run, pass } = take(60_000);
    pass(1000, 3000);
    pass(4500, 6000);
    run.breakOff("annotator", 6000);
    await run.settled;
    const stalls = arrived.flatMap((batch) => batch.events).filter((event) => event.kind === "stall");
    expect(stalls.map((event) => event.detail)).toEqual(["the page did not run for 1500 ms"]);
  });

  it("is broken off when the page did not run for long, as when a lid was closed", async () => {
    const { run, pass } = take(60_000);
    pass(1000, 3000);
    pass(9000, 9100);
    expect(run.broken).toBe("stalled");
    await run.settled;
    const positions = arrived.flatMap((batch) => batch.samples).map((sample) => sample[1]);
    expect(positions.filter((position) => position > 2000 && position < 7900)).toEqual([]);
  });

  it("writes down changes of the output latency", async () => {
    const { run, pass, card } = take(60_000);
    pass(1000, 2000);
    card.latency = 180; // headphones without a cable
    pass(2025, 2500);
    run.breakOff("annotator", 2500);
    await run.settled;
    const told = arrived.flatMap((batch) => batch.events).filter((event) => event.kind === "latency");
    expect(told.map((event) => event.detail)).toEqual(["output latency 180.0 ms"]);
  });

  it("ends by itself when the sound card never says that the sound is over", async () => {
    const { run, pass } = take(2000);
    pass(1000, 4500);
    await run.settled;
    expect(endings).toEqual(["finish t1 2"]);
  });

  it("has no sample before the sound is heard", async () => {
    const { run, pass } = take(60_000, 5000);
    pass(1000, 4990);
    run.breakOff("annotator", 4990);
    await run.settled;
    expect(arrived.flatMap((batch) => batch.samples)).toEqual([]);
  });
});
