/**
 * The disc of emotions: valence to the right, arousal upwards, both on [-1, 1], intensity = distance from the centre.
 *
 * Pixels are CSS pixels with y downwards, as pointer events have them.
 */

/** A point of the plane; both NaN where nothing was said yet. */
export interface Point {
  valence: number;
  arousal: number;
}

/** One of the twelve words on the ring and its angle, counter-clockwise from the valence axis. */
export interface Term {
  name: string;
  degrees: number;
}

/** Where the disc lies on the page. */
export interface DiscPlace {
  centreX: number;
  centreY: number;
  radius: number;
}

/**
 * Width of the rim, in radii. The rim belongs to the disc: full intensity would otherwise be a line without
 * width that no hand can hit. A pointer on the rim says a point of the unit circle.
 */
export const RIM = 0.035;

const NAMES = [
  "happy",
  "delighted",
  "excited",
  "tense",
  "angry",
  "frustrated",
  "sad",
  "depressed",
  "tired",
  "calm",
  "relaxed",
  "content",
] as const;

/** The name of the set of terms below; trials that used it say so. */
export const TERM_SET = "ring12-v1";

/** The twelve terms of ring12-v1, three a quadrant, 30 degrees apart. */
export const TERMS: readonly Term[] = NAMES.map((name, place) => ({ name, degrees: 15 + 30 * place }));

/** Writes the point under a pixel into `out`; it may lie outside the disc. Returns its distance from the centre. */
export function pointAt(x: number, y: number, disc: DiscPlace, out: Point): number {
  out.valence = (x - disc.centreX) / disc.radius;
  out.arousal = (disc.centreY - y) / disc.radius;
  return Math.hypot(out.valence, out.arousal);
}

/** Whether a distance from the centre, in radii, is still on the disc or its rim. */
export function isInside(distance: number): boolean {
  return distance <= 1 + RIM;
}

/** Pulls a point that lies outside the unit circle back onto it, in place. */
export function ontoDisc(point: Point): Point {
  const distance = Math.hypot(point.valence, point.arousal);
  if (distance > 1) {
    point.valence /= distance;
    point.arousal /= distance;
  }
  return point;
}

/** Intensity of a point: its distance from the centre, 0 to 1; 0 where nothing was said yet. */
export function intensity(point: Point): number {
  return Number.isNaN(point.valence) ? 0 : Math.min(1, Math.hypot(point.valence, point.arousal));
}

/**
 * How strongly a term is lit by a point, 0 to 1: full in the term's direction, nothing from one term and a half away
 * on, and less near the centre, where no direction is meant.
 */
export function litBy(term: Term, point: Point): number {
  const strength = intensity(point);
  if (strength === 0) {
    return 0;
  }
  const angle = (Math.atan2(point.arousal, point.valence) * 180) / Math.PI;
  const away = Math.abs(((angle - term.degrees + 540) % 360) - 180);
  const near = Math.max(0, 1 - away / 45);
  return near * Math.min(1, strength / 0.5);
}

/** Index of the nearest term, or -1 near the centre, where no direction is meant. */
export function nearestTerm(point: Point, terms: readonly Term[] = TERMS): number {
  if (intensity(point) < 0.15) {
    return -1;
  }
  const angle = (Math.atan2(point.arousal, point.valence) * 180) / Math.PI;
  let best = -1;
  let least = 360;
  for (let index = 0; index < terms.length; index += 1) {
    const term = terms[index] as Term;
    const away = Math.abs(((angle - term.degrees + 540) % 360) - 180);
    if (away < least) {
      least = away;
      best = index;
    }
  }
  return best;
}
