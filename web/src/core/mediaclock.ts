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

  /** Whether the sound has been heard to move. */
  get running(): boolean {
    return this.count > 0;
  }

  /** Forgets all readings, before another track. */
  reset(): void {
    this.count = 0;
    this.difference = Number.NaN;
  }

  /**
   * Takes one reading of both clocks, milliseconds.
   *
   * @returns how long the sound has stood still where it has (a stall), else 0.
   */
  read(time: number, position: number): number {
    const difference = time - position;
    const behind = this.count > 0 ? difference - this.difference : 0;
    if (behind > STALL_MS) this.count = 0;
    this.differences[this.count % READINGS] = difference;
    this.count += 1;
    this.difference = this.smallest();
    return behind > STALL_MS ? behind : 0;
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
