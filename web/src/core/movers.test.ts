import { describe, expect, it } from "vitest";
import { KeyMover, PadButtons, readStick } from "./movers";

const unknown = () => ({ valence: Number.NaN, arousal: Number.NaN });

function run(mover: KeyMover, point: { valence: number; arousal: number }, ms: number, frame = 16) {
  for (let time = 0; time < ms; time += frame) {
    mover.step(point, frame);
  }
  return point;
}

describe("keys", () => {
  it("start in the centre and move smoothly in their direction", () => {
    const mover = new KeyMover();
    const point = unknown();
    expect(mover.press("ArrowRight", false)).toBe(true);
    mover.step(point, 16);
    expect(point.valence).toBeGreaterThan(0);
    expect(point.valence).toBeLessThan(0.016); // eased in
    run(mover, point, 484);
    expect(point.valence).toBeGreaterThan(0.4);
    expect(point.valence).toBeLessThan(0.5);
    expect(point.arousal).toBe(0);
  });

  it("stop soon after they are released", () => {
    const mover = new KeyMover();
    const point = { valence: 0, arousal: 0 };
    mover.press("KeyW", false);
    run(mover, point, 320);
    mover.release("KeyW", false);
    const before = point.arousal;
    run(mover, point, 500);
    expect(point.arousal - before).toBeGreaterThan(0);
    expect(point.arousal - before).toBeLessThan(0.08);
    expect(mover.moving).toBe(false);
  });

  it("go no faster on the diagonal, and finely with Shift", () => {
    const diagonal = { valence: 0, arousal: 0 };
    const mover = new KeyMover();
    mover.press("KeyD", false);
    mover.press("ArrowUp", false);
    run(mover, diagonal, 480);
    const straight = { valence: 0, arousal: 0 };
    const other = new KeyMover();
    other.press("KeyD", false);
    run(other, straight, 480);
    expect(Math.hypot(diagonal.valence, diagonal.arousal)).toBeCloseTo(straight.valence, 10);
    const fine = { valence: 0, arousal: 0 };
    const careful = new KeyMover();
    careful.press("KeyD", true);
    run(careful, fine, 480);
    expect(fine.valence).toBeCloseTo(0.3 * straight.valence, 10);
  });

  it("slide along the rim and never leave the disc", () => {
    const mover = new KeyMover();
    const point = { valence: 0.6, arousal: 0.7 };
    mover.press("ArrowRight", false);
    for (let frame = 0; frame < 200; frame += 1) {
      mover.step(point, 16);
      expect(Math.hypot(point.valence, point.arousal)).toBeLessThanOrEqual(1 + 1e-12);
    }
    expect(point.valence).toBeGreaterThan(0.95);
  });

  it("are forgotten when the page loses the keyboard, and others are none of ours", () => {
    const mover = new KeyMover();
    expect(mover.press("KeyQ", false)).toBe(false);
    mover.press("ArrowLeft", false);
    mover.clear();
    expect(mover.moving).toBe(false);
  });

  it("move equally far at 60 and at 30 frames a second", () => {
    const fast = new KeyMover();
    const slow = new KeyMover();
    fast.press("KeyD", false);
    slow.press("KeyD", false);
    const a = run(fast, { valence: 0, arousal: 0 }, 640, 16).valence;
    const b = run(slow, { valence: 0, arousal: 0 }, 640, 32).valence;
    expect(Math.abs(a - b)).toBeLessThan(0.02);
  });
});

describe("a gamepad", () => {
  const pad = (axes: number[], pressed = false) => ({ axes, buttons: [{ pressed: false }, { pressed }] });

  it("is the centre at rest and the rim at full deflection, y upwards", () => {
    const point = { valence: 9, arousal: 9 };
    expect(readStick(pad([0.05, -0.08, 0, 0]), point)).toBe(false);
    expect(Math.hypot(point.valence, point.arousal)).toBe(0);
    expect(readStick(pad([0, -1, 0, 0]), point)).toBe(true);
    expect(point.valence).toBeCloseTo(0);
    expect(point.arousal).toBeCloseTo(1);
  });

  it("grows from nothing at the edge of the dead zone and keeps its direction", () => {
    const point = { valence: 0, arousal: 0 };
    readStick(pad([0.13, 0]), point);
    expect(point.valence).toBeGreaterThan(0);
    expect(point.valence).toBeLessThan(0.02);
    readStick(pad([1, 1]), point); // square sticks reach the corners
    expect(point.valence).toBeCloseTo(Math.SQRT1_2);
    expect(point.arousal).toBeCloseTo(-Math.SQRT1_2);
  });

  it("takes whichever stick is out", () => {
    const point = { valence: 0, arousal: 0 };
    readStick(pad([0.02, 0.01, -0.9, 0]), point);
    expect(point.valence).toBeLessThan(-0.9);
  });

  it("tells each press of a button once", () => {
    const buttons = new PadButtons();
    const told = [false, true, true, false, true].map((down) => buttons.pressed(pad([], down)));
    expect(told).toEqual([false, true, false, false, true]);
  });
});
