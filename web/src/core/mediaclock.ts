/**
 * Which place of the sound is heard at a moment of performance.now(), and the other way round.
 *
 * The audio clock moves in steps (a buffer of the sound card at a time), so one reading is late by up to a step. The
 * readings of the last second bound the true relation: the smallest difference between the two clocks is the one that
 * was read just after a step. A system clock that is set has no part in either.
 */

const READINGS = 48;
const STALL_MS = 200;

export class MediaClock {
  private readonly differences = new Float64Array(READINGS);
  private count = 0;
  private difference = Number.NaN;

  /** The last place that was read, milliseconds: the sound is at least there. */
  latest = Number.NaN;

  /** Whether the sound has been heard to move. */
  get running(): boolean {
    return this.count > 0;
  }

  /** Forgets all readings, before another track. */
  reset(): void {
    this.count = 0;
    this.difference = Number.NaN;
    this.latest = Number.NaN;
  }

  /** Takes one reading of both clocks, milliseconds. Where the sound stood still, the relation begins anew. */
  read(time: number, position: number): void {
    const difference = time - position;
    if (difference - this.difference > STALL_MS) this.count = 0;
    this.differences[this.count % READINGS] = difference;
    this.count += 1;
    this.difference = this.smallest();
    this.latest = position;
  }

  /** The place in the sound that is heard at a time, milliseconds; NaN before the first reading. */
  positionAt(time: number): number {
    return time - this.difference;
  }

  /** The time at which a place of the sound is heard, milliseconds. */
  timeOf(position: number): number {
    return position + this.difference;
  }

  private smallest(): number {
    const known = Math.min(this.count, READINGS);
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < known; index += 1) least = Math.min(least, this.differences[index] as number);
    return least;
  }
}
