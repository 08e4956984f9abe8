/**
 * What was pointed at while the sound played, at equal steps of the sound.
 *
 * Samples lie on a grid of the media clock, `rate` a second. Each takes what the pointer held at the very moment at which
 * that place was heard: from the pointer's past, where each event stands with its own time. So neither a late timer nor
 * a slow frame shifts a sample; only where the page was not running at all for long, samples are missing.
 */

import type { MediaClock } from "./mediaclock";
import type { Held, Pointer } from "./pointer";

/** seq, position_ms, client_ms, valence, arousal, inside: as the server takes it. */
export type Sample = [number, number, number, number | null, number | null, 0 | 1];

/** So long events of the pointer may still be on their way to the page. */
export const SETTLE_MS = 60;
/** A page that did not run for longer saw nothing in between: no samples are made up for it. */
export const LONGEST_GAP_MS = 2000;

export class Sampler {
  private next = 0; // place on the grid
  private seq = 0;
  private lastTick = Number.NaN;
  private readonly held: Held = { valence: 0, arousal: 0, inside: false };

  /**
   * @param rate samples a second.
   * @param durationMs length of the sound.
   */
  constructor(
    private readonly rate: number,
    private readonly durationMs: number,
    private readonly pointer: Pointer,
    private readonly clock: MediaClock,
  ) {}

  /** Number of samples taken so far. */
  get taken(): number {
    return this.seq;
  }

  /**
   * Appends the samples that are due at a time of performance.now() to `out`.
   *
   * @returns milliseconds for which the page did not run and no samples were taken; else 0.
   */
  collect(time: number, out: Sample[]): number {
    if (!this.clock.running) return 0;
    const gap = time - this.lastTick;
    const slept = gap > LONGEST_GAP_MS ? gap : 0;
    const settled = Math.min(this.clock.positionAt(time - SETTLE_MS), this.clock.latest);
    if (slept > 0) this.next = Math.max(this.next, this.placeAt(settled));
    this.lastTick = time;
    this.takeUntil(settled, out);
    return slept;
  }

  /** Appends what is left, up to the end of the sound: it was heard to its end. */
  finish(out: Sample[]): void {
    if (this.clock.running) this.takeUntil(this.durationMs, out);
  }

  /** Appends what was heard up to a time, without waiting for late events: the take was broken off. */
  breakOff(time: number, out: Sample[]): void {
    if (this.clock.running) this.takeUntil(Math.min(this.clock.positionAt(time), this.clock.latest), out);
  }

  private takeUntil(position: number, out: Sample[]): void {
    const end = Math.min(position, this.durationMs);
    for (let place = this.positionOf(this.next); place <= end; place = this.positionOf(this.next)) {
      const time = this.clock.timeOf(place);
      const { valence, arousal, inside } = this.pointer.heldAt(time, this.held);
      const known = !Number.isNaN(valence);
      out.push([
        this.seq,
        place,
        rounded(time, 10),
        known ? rounded(valence, 1e5) : null,
        known ? rounded(arousal, 1e5) : null,
        inside ? 1 : 0,
      ]);
      this.seq += 1;
      this.next += 1;
    }
  }

  private positionOf(place: number): number {
    return rounded((place * 1000) / this.rate, 1000);
  }

  private placeAt(position: number): number {
    return Math.ceil((position * this.rate) / 1000);
  }
}

/** Rounds towards zero, so that a point of the unit circle stays within it. */
function rounded(value: number, steps: number): number {
  return Math.trunc(value * steps) / steps;
}
