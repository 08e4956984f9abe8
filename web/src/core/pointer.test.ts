import { describe, expect, it } from "vitest";
import { Pointer } from "./pointer";

const held = () => ({ valence: 0, arousal: 0, inside: false });

describe("the pointer", () => {
  it("knows nothing at first", () => {
    const pointer = new Pointer();
    expect(pointer.known).toBe(false);
    expect(pointer.heldAt(100, held())).toEqual({ valence: Number.NaN, arousal: Number.NaN, inside: false });
  });

  it("tells what was held at any time in between", () => {
    const pointer = new Pointer();
    pointer.moveTo(0.1, 0.2, 10, "mouse");
    pointer.moveTo(0.3, 0.4, 20, "mouse");
    expect(pointer.heldAt(9.9, held()).valence).toBeNaN();
    expect(pointer.heldAt(10, held())).toEqual({ valence: 0.1, arousal: 0.2, inside: true });
    expect(pointer.heldAt(19.9, held()).valence).toBe(0.1);
    expect(pointer.heldAt(1000, held()).valence).toBe(0.3);
  });

  it("holds the last point when it leaves the disc, and says so", () => {
    const pointer = new Pointer();
    pointer.moveTo(0.9, 0, 10, "mouse");
    pointer.moveTo(1.2, 0, 20, "mouse");
    expect(pointer.heldAt(20, held())).toEqual({ valence: 0.9, arousal: 0, inside: false });
    pointer.moveTo(0.5, 0, 30, "mouse");
    expect(pointer.heldAt(30, held())).toEqual({ valence: 0.5, arousal: 0, inside: true });
  });

  it("says nothing while it is outside from the start", () => {
    const pointer = new Pointer();
    pointer.moveTo(2, 2, 5, "mouse");
    expect(pointer.known).toBe(false);
  });

  it("brings points of the rim onto the unit circle", () => {
    const pointer = new Pointer();
    pointer.moveTo(0.6 * 1.03, 0.8 * 1.03, 0, "touch");
    expect(Math.hypot(pointer.valence, pointer.arousal)).toBeCloseTo(1, 12);
    expect(pointer.inside).toBe(true);
  });

  it("never rewrites the past for an event that comes late", () => {
    const pointer = new Pointer();
    pointer.moveTo(0.1, 0, 100, "mouse");
    pointer.moveTo(0.2, 0, 90, "keyboard");
    expect(pointer.heldAt(95, held()).valence).toBeNaN();
    expect(pointer.heldAt(100, held()).valence).toBe(0.2);
  });

  it("keeps the last seconds of a very fast mouse", () => {
    const pointer = new Pointer();
    for (let time = 0; time < 20_000; time += 1) {
      pointer.moveTo(time / 20_000, 0, time, "mouse");
    }
    expect(pointer.heldAt(19_000.5, held()).valence).toBeCloseTo(0.95, 10);
    expect(pointer.heldAt(19_999, held()).valence).toBeCloseTo(19_999 / 20_000, 10);
  });
});
