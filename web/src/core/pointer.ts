/**
 * Where the annotator points, now and a little while ago.
 *
 * Whatever moves the point (mouse, pen, touch, keys, stick) writes here; the sampler reads what was held at a given
 * time, and the drawing reads the present. Nothing is allocated after construction.
 */

import { isInside, type Point } from "./circle";

export type Device = "mouse" | "pen" | "touch" | "keyboard" | "gamepad";

/** What was held at a time. `inside`: the pointer itself was on the disc; else the last point is held. */
export interface Held extends Point {
  inside: boolean;
}

const CAPACITY = 8192; // 8 s of a 1 000 Hz mouse, far more than the sampler ever lags behind

export class Pointer {
  valence = Number.NaN;
  arousal = Number.NaN;
  inside = false;
  device: Device | "" = "";

  private readonly times = new Float64Array(CAPACITY);
  private readonly valences = new Float64Array(CAPACITY);
  private readonly arousals = new Float64Array(CAPACITY);
  private readonly insides = new Uint8Array(CAPACITY);
  private written = 0;

  /** Whether anything was said since the start. */
  get known(): boolean {
    return !Number.isNaN(this.valence);
  }

  /** Forgets everything, before a new take. */
  reset(): void {
    this.valence = Number.NaN;
    this.arousal = Number.NaN;
    this.inside = false;
    this.written = 0;
  }

  /**
   * The pointer went to a place, which may lie outside the disc: then the last point is held.
   *
   * @param time milliseconds on the clock of performance.now().
   */
  moveTo(valence: number, arousal: number, time: number, device: Device): void {
    const distance = Math.hypot(valence, arousal);
    if (!isInside(distance)) {
      this.leave(time);
      return;
    }
    const scale = distance > 1 ? 1 / distance : 1;
    this.valence = valence * scale;
    this.arousal = arousal * scale;
    this.inside = true;
    this.device = device;
    this.remember(time);
  }

  /** The pointer left the disc, or the finger was lifted: the last point is held. */
  leave(time: number): void {
    if (this.inside) {
      this.inside = false;
      this.remember(time);
    }
  }

  /** Writes what was held at a time into `out`: the last thing that happened at or before it. */
  heldAt(time: number, out: Held): Held {
    const oldest = Math.max(0, this.written - CAPACITY);
    for (let index = this.written - 1; index >= oldest; index -= 1) {
      const slot = index % CAPACITY;
      if ((this.times[slot] as number) <= time) {
        out.valence = this.valences[slot] as number;
        out.arousal = this.arousals[slot] as number;
        out.inside = this.insides[slot] === 1;
        return out;
      }
    }
    out.valence = Number.NaN;
    out.arousal = Number.NaN;
    out.inside = false;
    return out;
  }

  private remember(time: number): void {
    // Events of several devices may arrive a little out of order; the past that was read is not changed any more.
    const last = this.written > 0 ? (this.times[(this.written - 1) % CAPACITY] as number) : time;
    const slot = this.written % CAPACITY;
    this.times[slot] = Math.max(time, last);
    this.valences[slot] = this.valence;
    this.arousals[slot] = this.arousal;
    this.insides[slot] = this.inside ? 1 : 0;
    this.written += 1;
  }
}
