import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const css = readFileSync("src/ui/tokens.css", "utf8");
const [light = "", dark = ""] = css.split("@media (prefers-color-scheme: dark)");

function colours(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, hex]) => [name ?? "", hex ?? ""]),
  );
}

/** Relative luminance of an sRGB colour, as WCAG 2.2 defines it. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((place) => {
    const value = Number.parseInt(hex.slice(place, place + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** Text on the grounds it stands on needs 4.5 : 1, outlines of controls and lines of plots 3 : 1. */
const TEXT: readonly (readonly [string, readonly string[]])[] = [
  ["ink", ["paper", "card", "sunk", "accent-soft", "good-soft", "warn-soft", "bad-soft"]],
  ["faint", ["paper", "card", "sunk"]],
  ["accent", ["paper", "card"]],
  ["accent-ink", ["accent"]],
  ["card", ["ink"]],
  ["valence", ["paper", "card"]],
  ["arousal", ["paper", "card"]],
  ["good", ["card", "good-soft"]],
  ["warn", ["card", "warn-soft"]],
  ["bad", ["card", "bad-soft"]],
];
const SHAPES: readonly (readonly [string, readonly string[]])[] = [
  ["edge", ["paper", "card"]],
  ["focus", ["paper", "card", "sunk"]],
];

test("the formula gives the known contrasts", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
});

describe.each([
  ["light", colours(light)],
  ["dark", colours(dark)],
])("%s", (_, tokens) => {
  const pairs = (needed: number, list: typeof TEXT) =>
    list.flatMap(([ink, grounds]) => grounds.map((ground) => [ink, ground, needed] as const));
  test.each([...pairs(4.5, TEXT), ...pairs(3, SHAPES)])(
    "%s on %s is at least %d : 1",
    (ink, ground, needed) => {
      const [one, other] = [tokens.get(ink), tokens.get(ground)];
      if (!one || !other) throw new Error(`no colour named ${one ? ground : ink}`);
      expect(contrast(one, other)).toBeGreaterThanOrEqual(needed);
    },
  );
});
