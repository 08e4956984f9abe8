/** Keys and sticks as pointers: pure, stepped by the frame loop. */

import { ontoDisc, type Point } from "./circle";

/** Radii a second at which held keys move the point, and with Shift. A trace crosses the disc in two seconds. */
export const KEY_SPEED = 1;
export const FINE_SPEED = 0.3;
const EASE_MS = 60; // in which the speed follows the keys, so that the point neither jerks nor coasts
const STICK_DEAD = 0.12;

const DIRECTIONS: Record<string, readonly [number, number]> = {
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  KeyW: [0, 1],
  KeyS: [0, -1],
  KeyA: [-1, 0],
  KeyD: [1, 0],
};

/** Moves a point while arrow keys or W, A, S, D are held. */
export class KeyMover {
  private readonly held = new Set<string>();
  private fine = false;
  private speedX = 0;
  private speedY = 0;

  /** A key went down; returns whether it is one of the moving keys. */
  press(code: string, shift: boolean): boolean {
    this.fine = shift;
    if (!(code in DIRECTIONS)) {
      return false;
    }
    this.held.add(code);
    return true;
  }

  /** A key went up. */
  release(code: string, shift: boolean): void {
    this.fine = shift;
    this.held.delete(code);
  }

  /** The page lost the keyboard: no key-up will come. */
  clear(): void {
    this.held.clear();
    this.speedX = 0;
    this.speedY = 0;
  }

  /** Whether the point is being moved by keys now. */
  get moving(): boolean {
    return this.held.size > 0 || this.speedX !== 0 || this.speedY !== 0;
  }

  /** Moves the point on by some milliseconds, in place, and keeps it on the disc. Unknown points start in the centre. */
  step(point: Point, elapsedMs: number): Point {
    let x = 0;
    let y = 0;
    for (const code of this.held) {
      const direction = DIRECTIONS[code] as readonly [number, number];
      x += direction[0];
      y += direction[1];
    }
    const length = Math.hypot(x, y);
    const speed = length > 0 ? (this.fine ? FINE_SPEED : KEY_SPEED) / length : 0;
    const follow = 1 - Math.exp(-elapsedMs / EASE_MS);
    this.speedX = settle(this.speedX + (x * speed - this.speedX) * follow);
    this.speedY = settle(this.speedY + (y * speed - this.speedY) * follow);
    const seconds = elapsedMs / 1000;
    point.valence = (Number.isNaN(point.valence) ? 0 : point.valence) + this.speedX * seconds;
    point.arousal = (Number.isNaN(point.arousal) ? 0 : point.arousal) + this.speedY * seconds;
    return ontoDisc(point);
  }
}

/** What of a gamepad matters here. */
export interface Stick {
  readonly axes: readonly number[];
  readonly buttons: readonly { readonly pressed: boolean }[];
}

/**
 * Writes the place of a gamepad's stick into `out`: the stick is the point. Within the dead zone it is the centre; from
 * there on it grows from 0, so that small intensities can be said. The left or the right stick, whichever is out further.
 *
 * @returns whether a stick is out of its dead zone.
 */
export function readStick(pad: Stick, out: Point): boolean {
  let x = 0;
  let y = 0;
  for (let axis = 0; axis + 1 < Math.min(4, pad.axes.length); axis += 2) {
    const stickX = pad.axes[axis] as number;
    const stickY = pad.axes[axis + 1] as number;
    if (Math.hypot(stickX, stickY) > Math.hypot(x, y)) {
      x = stickX;
      y = stickY;
    }
  }
  const distance = Math.hypot(x, y);
  const reach = Math.min(1, Math.max(0, (distance - STICK_DEAD) / (0.96 - STICK_DEAD)));
  out.valence = distance > 0 ? (x / distance) * reach : 0;
  out.arousal = distance > 0 ? (-y / distance) * reach : 0;
  return distance > STICK_DEAD;
}

/** Tells when a button goes down, once for each press. */
export class PadButtons {
  private down = false;

  pressed(pad: Stick): boolean {
    const now = pad.buttons.some((button) => button.pressed);
    const fresh = now && !this.down;
    this.down = now;
    return fresh;
  }
}

function settle(speed: number): number {
  return Math.abs(speed) < 1e-3 ? 0 : speed;
}
