/** Sizes of the dial, in CSS pixels: disc, rim, ring of words and the hand of time around it. */

import { RIM, type Term } from "../core/circle";

export interface DialSize {
  /** Side of the square that holds everything. */
  readonly side: number;
  readonly radius: number;
  readonly rim: number;
  readonly text: number;
  /** Radius of the arc that shows time. */
  readonly time: number;
}

/** @param rem pixels of the reader's own text size: words grow with it. */
export function dialSize(side: number, rem: number): DialSize {
  const text = Math.max(0.75 * rem, Math.min(1.1 * rem, side * 0.03));
  const time = side / 2 - 3;
  const radius = (time - 2.1 * text - 3) / (1 + RIM);
  return { side, radius, rim: radius * RIM, text, time };
}

/** Degrees to each side for a word: more than its share of the ring, which the longest word needs on a small phone. */
const REACH = 20;

/**
 * The path under one word on the ring: clockwise above, counter-clockwise below, so that every word reads from left to
 * right and none stands on its head.
 */
export function wordPath(term: Term, size: DialSize): string {
  const upper = term.degrees < 180;
  const inner = size.radius + size.rim;
  const radius = upper ? inner + 0.62 * size.text : inner + 1.34 * size.text;
  const reach = upper ? REACH : -REACH;
  const [startX, startY] = onCircle(term.degrees + reach, radius, size);
  const [endX, endY] = onCircle(term.degrees - reach, radius, size);
  return `M${startX} ${startY}A${radius} ${radius} 0 0 ${upper ? 1 : 0} ${endX} ${endY}`;
}

/** Pixel of an angle on a circle around the dial's centre. */
export function onCircle(degrees: number, radius: number, size: DialSize): [number, number] {
  const angle = (degrees * Math.PI) / 180;
  const round = (value: number) => Math.round(value * 100) / 100;
  return [round(size.side / 2 + radius * Math.cos(angle)), round(size.side / 2 - radius * Math.sin(angle))];
}
