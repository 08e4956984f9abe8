/**
 * One take: from the moment the sound starts until it was heard to its end or broken off.
 *
 * It reads the media clock, takes the samples, writes down what happens to the player, and hands numbered batches to the
 * outbox. It draws nothing and knows no page; whoever owns it calls `tick` some forty times a second.
 */

import { MediaClock } from "./mediaclock";
import type { Outbox, Settled } from "./outbox";
import type { Pointer } from "./pointer";
import { type Sample, Sampler } from "./sampler";
import type { TrialEvent } from "./store";

/** What of the player a take needs. Milliseconds. */
export interface Sound {
  readonly durationMs: number;
  /** Place that is heard now, by the audio clock, output latency taken off; below 0 before it starts. */
  positionMs(): number;
  /** Delay between the audio clock and the ear where the browser tells it; null where not. */
  latencyMs(): number | null;
  stop(): void;
}

/** What the study wants. */
export interface Pace {
  readonly sampleRateHz: number;
  readonly batchIntervalMs: number;
}

/** Why a take was broken off; words for the server, not for people. */
export type BreakReason = "annotator" | "hidden" | "stalled" | "left";

/** How often what is being recorded is kept in the browser between batches. */
export const DRAFT_MS = 500;
/** A page that nobody sees, or that does not run, cannot be annotated on; a glance at another tab is forgiven. */
export const HIDDEN_MS = 3000;
/** Sound that stands still for longer breaks the take off. */
export const STALLED_MS = 3000;
const STALL_MS = 250; // slow machines move their audio clock in steps of up to some 100 ms
const LATE_END_MS = 1000; // after which the end is taken as heard, should the sound card not say so
const LATENCY_STEP_MS = 15; // changes of the output latency below this are jitter

export class Run {
  readonly clock = new MediaClock();
  /** Resolves when the server has taken the ending. */
  readonly settled: Promise<Settled>;
  /** Set when the take was broken off. */
  broken: BreakReason | null = null;

  private readonly sampler: Sampler;
  private samples: Sample[] = [];
  private events: TrialEvent[] = [];
  private number = 0;
  private batchSince = Number.NaN;
  private keptAt = Number.NaN;
  private over = false;
  private position = Number.NEGATIVE_INFINITY;
  private movedAt = Number.NaN;
  private tickedAt = Number.NaN;
  private hiddenSince: number | null = null;
  private latency: number | null = null;
  private settle: (outcome: Settled) => void = () => {};
  private chain: Promise<unknown> = Promise.resolve();

  constructor(
    readonly trial: string,
    private readonly sound: Sound,
    pointer: Pointer,
    private readonly outbox: Outbox,
    private readonly pace: Pace,
    private readonly onEnd: () => void,
  ) {
    this.sampler = new Sampler(pace.sampleRateHz, sound.durationMs, pointer, this.clock);
    this.settled = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** Whether the take goes on. */
  get playing(): boolean {
    return !this.over;
  }

  /** The sound was started at a time of performance.now(). */
  begin(time: number): void {
    this.latency = this.sound.latencyMs();
    this.note("play", this.latency === null ? "" : `output latency ${this.latency.toFixed(1)} ms`, time);
  }

  /** Time passes. */
  tick(time: number): void {
    if (this.over) return;
    const position = this.sound.positionMs();
    if (position < 0) return;
    if (Number.isNaN(this.batchSince)) {
      this.batchSince = time;
      this.keptAt = time;
    }
    const slept = time - this.tickedAt;
    this.tickedAt = time;
    this.noteStall(time, position, slept);
    this.clock.read(time, position);
    this.sampler.collect(time, this.samples);
    this.noteLatency(time);
    if (slept > HIDDEN_MS) {
      this.breakOff("stalled", time);
      return;
    }
    this.next(time);
  }

  /** Something happened to the player, at a time of performance.now(). */
  note(kind: TrialEvent["kind"], detail: string, time: number): void {
    if (this.over) return;
    const position = this.clock.running ? this.clock.positionAt(time) : this.sound.positionMs();
    this.events.push({
      kind,
      position_ms: Math.round(Math.min(Math.max(0, position), this.sound.durationMs) * 10) / 10,
      client_ms: Math.round(time * 10) / 10,
      detail: detail.slice(0, 200),
    });
  }

  /** The page was hidden or shown. */
  shown(visible: boolean, time: number): void {
    this.note("visibility", visible ? "visible" : "hidden", time);
    this.hiddenSince = visible ? null : time;
  }

  /** The sound was heard to its end. */
  end(time: number): void {
    if (this.over) return;
    if (!this.clock.running) this.clock.read(time, this.sound.durationMs);
    this.note("ended", "", time);
    this.sampler.finish(this.samples);
    this.close(() => this.outbox.finish(this.trial, this.number));
  }

  /** The take does not count; what was recorded is kept all the same. */
  breakOff(reason: BreakReason, time: number): void {
    if (this.over) return;
    this.broken = reason;
    this.note("pause", `broken off: ${reason}`, time);
    this.sampler.breakOff(time, this.samples);
    this.sound.stop();
    this.close(() => this.outbox.interrupt(this.trial, reason));
  }

  private close(ending: () => Promise<Settled>): void {
    this.over = true;
    if (this.samples.length > 0 || this.events.length > 0) this.sealNow();
    this.chain = this.chain.then(ending).then(this.settle);
    this.onEnd();
  }

  private seal(time: number): void {
    this.batchSince = time;
    this.keptAt = time;
    this.sealNow();
  }

  /** Batches are kept one after another: the browser's database sees them in their order. */
  private sealNow(): void {
    const { number, samples, events } = this;
    this.number += 1;
    this.samples = [];
    this.events = [];
    this.chain = this.chain.then(() => this.outbox.seal(this.trial, number, samples, events));
  }

  private draft(time: number): void {
    this.keptAt = time;
    const { number } = this;
    const [samples, events] = [[...this.samples], [...this.events]];
    this.chain = this.chain.then(() => this.outbox.draft(this.trial, number, samples, events));
  }

  /** What is to be done now: an end, a break, or the next batch. */
  private next(time: number): void {
    const still = time - this.movedAt;
    const heard = this.position >= this.sound.durationMs;
    if (heard && still > LATE_END_MS) this.end(time);
    else if (!heard && still > STALLED_MS) this.breakOff("stalled", time);
    else if (this.hiddenSince !== null && time - this.hiddenSince > HIDDEN_MS) this.breakOff("hidden", time);
    else if (time - this.batchSince >= this.pace.batchIntervalMs) this.seal(time);
    else if (time - this.keptAt >= DRAFT_MS) this.draft(time);
  }

  /** `slept`: how long the page itself did not run; then nothing is known of the sound. */
  private noteStall(time: number, position: number, slept: number): void {
    if (slept > STALL_MS) this.note("stall", `the page did not run for ${Math.round(slept)} ms`, time);
    if (position <= this.position) return;
    const still = time - this.movedAt;
    if (still > STALL_MS && slept <= STALL_MS) {
      this.note("stall", `the sound stood still for ${Math.round(still)} ms`, time);
    }
    this.position = position;
    this.movedAt = time;
  }

  private noteLatency(time: number): void {
    const latency = this.sound.latencyMs();
    if (latency === null || this.latency === null) return;
    if (Math.abs(latency - this.latency) < LATENCY_STEP_MS) return;
    this.latency = latency;
    this.note("latency", `output latency ${latency.toFixed(1)} ms`, time);
  }
}
