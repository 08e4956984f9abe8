import { describe, expect, it } from "vitest";
import { intensity, isInside, litBy, nearestTerm, ontoDisc, pointAt, RIM, TERMS } from "./circle";

const disc = { centreX: 300, centreY: 200, radius: 100 };

describe("the disc", () => {
  it("has valence to the right and arousal upwards", () => {
    const point = { valence: 0, arousal: 0 };
    expect(pointAt(350, 200, disc, point)).toBeCloseTo(0.5);
    expect(point).toEqual({ valence: 0.5, arousal: 0 });
    pointAt(300, 125, disc, point);
    expect(point).toEqual({ valence: 0, arousal: 0.75 });
    pointAt(230, 280, disc, point);
    expect(point).toEqual({ valence: -0.7, arousal: -0.8 });
  });

  it("counts its rim and nothing beyond", () => {
    expect(isInside(1)).toBe(true);
    expect(isInside(1 + RIM)).toBe(true);
    expect(isInside(1.05)).toBe(false);
  });

  it("pulls points of the rim onto the unit circle and leaves the others", () => {
    const point = ontoDisc({ valence: -0.6 * 1.03, arousal: 0.8 * 1.03 });
    expect(point.valence).toBeCloseTo(-0.6, 12);
    expect(point.arousal).toBeCloseTo(0.8, 12);
    expect(ontoDisc({ valence: 0.2, arousal: 0.3 })).toEqual({ valence: 0.2, arousal: 0.3 });
  });

  it("has intensity as the distance from the centre", () => {
    expect(intensity({ valence: 0.6, arousal: -0.8 })).toBeCloseTo(1);
    expect(intensity({ valence: Number.NaN, arousal: Number.NaN })).toBe(0);
  });
});

describe("the ring of terms", () => {
  it("stands where the table of ring12-v1 has it", () => {
    // Name, valence, arousal, thousandths, as the specification prints them.
    const table: [string, number, number][] = [
      ["happy", 966, 259],
      ["delighted", 707, 707],
      ["excited", 259, 966],
      ["tense", -259, 966],
      ["angry", -707, 707],
      ["frustrated", -966, 259],
      ["sad", -966, -259],
      ["depressed", -707, -707],
      ["tired", -259, -966],
      ["calm", 259, -966],
      ["relaxed", 707, -707],
      ["content", 966, -259],
    ];
    expect(TERMS.map((term) => term.name)).toEqual(table.map(([name]) => name));
    for (const [index, [, valence, arousal]] of table.entries()) {
      const radians = ((TERMS[index]?.degrees ?? 0) * Math.PI) / 180;
      expect(Math.cos(radians)).toBeCloseTo(valence / 1000, 3);
      expect(Math.sin(radians)).toBeCloseTo(arousal / 1000, 3);
      expect(nearestTerm({ valence: valence / 1250, arousal: arousal / 1250 })).toBe(index);
    }
  });

  it("is lit in the pointer's direction, less near the centre, not on the other side", () => {
    const [happy, delighted] = TERMS;
    if (!happy || !delighted) {
      throw new Error("no terms");
    }
    const sayHappy = { valence: Math.cos(Math.PI / 12), arousal: Math.sin(Math.PI / 12) };
    expect(litBy(happy, sayHappy)).toBeCloseTo(1);
    expect(litBy(delighted, sayHappy)).toBeCloseTo(1 / 3);
    expect(litBy(happy, { valence: sayHappy.valence / 4, arousal: sayHappy.arousal / 4 })).toBeCloseTo(0.5);
    expect(litBy(happy, { valence: -sayHappy.valence, arousal: -sayHappy.arousal })).toBe(0);
    expect(litBy(happy, { valence: 0, arousal: 0 })).toBe(0);
  });

  it("has no nearest term in the centre", () => {
    expect(nearestTerm({ valence: 0.05, arousal: -0.05 })).toBe(-1);
    expect(nearestTerm({ valence: Number.NaN, arousal: Number.NaN })).toBe(-1);
  });
});
