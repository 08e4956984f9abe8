/** The last seconds of the point's path, for drawing: a ring of numbers, nothing is allocated after construction. */

const CAPACITY = 1024;
/** How long the path stays visible. */
export const TRAIL_MS = 4000;

export class Trail {
  readonly valence = new Float32Array(CAPACITY);
  readonly arousal = new Float32Array(CAPACITY);
  private readonly times = new Float64Array(CAPACITY);
  private written = 0;

  clear(): void {
    this.written = 0;
  }

  /** Adds a point, unless it is where the last one was. */
  add(valence: number, arousal: number, time: number): void {
    const last = (this.written - 1) % CAPACITY;
    if (
      this.written > 0 &&
      this.valence[last] === Math.fround(valence) &&
      this.arousal[last] === Math.fround(arousal)
    ) {
      this.times[last] = time;
      return;
    }
    const slot = this.written % CAPACITY;
    this.valence[slot] = valence;
    this.arousal[slot] = arousal;
    this.times[slot] = time;
    this.written += 1;
  }

  /** Number of the first point that is still visible, and of the one after the last. Slots are numbers modulo capacity. */
  first(time: number): number {
    let number = Math.max(0, this.written - CAPACITY);
    while (number < this.written && time - (this.times[number % CAPACITY] as number) > TRAIL_MS) number += 1;
    return number;
  }

  get end(): number {
    return this.written;
  }

  slot(number: number): number {
    return number % CAPACITY;
  }

  /** How fresh a point is: 1 now, 0 where it vanishes. */
  freshness(number: number, time: number): number {
    return Math.max(0, 1 - (time - (this.times[number % CAPACITY] as number)) / TRAIL_MS);
  }
}
