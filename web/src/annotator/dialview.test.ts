import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TERMS } from "../core/circle";
import { Pointer } from "../core/pointer";
import { DialView } from "./dialview";

/** A canvas that takes every stroke and shows none: happy-dom draws nothing. */
const blank = new Proxy({}, { get: () => () => {}, set: () => true });

const SIDE = 400;
let frames: FrameRequestCallback[];
let view: DialView;
let pointer: Pointer;
let host: HTMLElement;
let buttons: number[];

beforeEach(() => {
  frames = [];
  buttons = [];
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
  vi.stubGlobal("cancelAnimationFrame", () => {});
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(blank as never);
  host = document.createElement("div");
  const canvas = document.createElement("canvas");
  host.append(canvas);
  document.body.append(host);
  Object.defineProperty(host, "clientWidth", { value: SIDE });
  host.getBoundingClientRect = () => ({ left: 100, top: 50, width: SIDE, height: SIDE }) as DOMRect;
  host.setPointerCapture = () => {};
  host.hasPointerCapture = () => true;
  pointer = new Pointer();
  const around = {
    share: () => 0,
    resting: () => false,
    frame: () => {},
    button: () => void buttons.push(1),
  };
  view = new DialView(host, canvas, [], TERMS, pointer, around, () => {});
});

afterEach(() => {
  view.destroy();
  document.body.replaceChildren();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** An event of a pointer over a point of the plane. */
function send(
  type: string,
  valence: number,
  arousal: number,
  pointerType = "mouse",
  target: EventTarget = window,
) {
  const { radius } = view.size;
  const event = new MouseEvent(type, {
    clientX: 100 + SIDE / 2 + valence * radius,
    clientY: 50 + SIDE / 2 - arousal * radius,
    bubbles: true,
  });
  Object.assign(event, { pointerType, pointerId: 1, isPrimary: true });
  target.dispatchEvent(event);
}

function key(type: "keydown" | "keyup", code: string, target: EventTarget = document.body): boolean {
  return target.dispatchEvent(new KeyboardEvent(type, { code, bubbles: true, cancelable: true }));
}

/** Runs the frame that was asked for last. */
function frame(time: number): void {
  frames.splice(0).at(-1)?.(time);
}

describe("the hand on the dial", () => {
  it("follows a mouse over the disc, up to its rim, and holds the last point beyond", () => {
    view.setMode("live");
    send("pointermove", 0.5, -0.25);
    expect([pointer.valence, pointer.arousal, pointer.inside]).toEqual([
      expect.closeTo(0.5, 6),
      expect.closeTo(-0.25, 6),
      true,
    ]);
    send("pointermove", 1.2, 0.6);
    expect(pointer.valence).toBeCloseTo(0.5, 6);
    expect(pointer.inside).toBe(false);
    expect(pointer.device).toBe("mouse");
  });

  it("records nothing while no track plays, but knows where the mouse lies when one starts", () => {
    send("pointermove", 0.1, 0.2);
    expect(pointer.known).toBe(false);
    view.setMode("live");
    expect(pointer.valence).toBeCloseTo(0.1, 6);
    expect(pointer.inside).toBe(true);
  });

  it("draws with a finger while it is down, and holds when it is lifted", () => {
    view.setMode("live");
    expect(pointer.known).toBe(false);
    send("pointerdown", -0.3, 0.3, "touch", host);
    send("pointermove", -0.6, 0.5, "touch");
    expect(pointer.inside).toBe(true);
    send("pointerup", -0.6, 0.5, "touch");
    expect([pointer.valence, pointer.inside, pointer.device]).toEqual([
      expect.closeTo(-0.6, 6),
      false,
      "touch",
    ]);
  });

  it("leaves fingers alone that scroll elsewhere", () => {
    host.hasPointerCapture = () => false;
    view.setMode("live");
    send("pointermove", 0.2, 0.2, "touch");
    expect(pointer.known).toBe(false);
  });

  it("moves by keys that are held, from the centre, and keeps the page from scrolling", () => {
    view.setMode("live");
    expect(key("keydown", "ArrowUp")).toBe(false); // prevented
    for (let time = 1000; time <= 1500; time += 16) frame(time);
    key("keyup", "ArrowUp");
    expect(pointer.arousal).toBeGreaterThan(0.3);
    expect(pointer.valence).toBe(0);
    expect(pointer.device).toBe("keyboard");
  });

  it("takes no keys from fields, nor while only practising elsewhere on the page", () => {
    const field = document.createElement("input");
    document.body.append(field);
    view.setMode("live");
    expect(key("keydown", "KeyA", field)).toBe(true);
    view.setMode("practice");
    expect(key("keydown", "ArrowDown")).toBe(true);
    expect(key("keydown", "ArrowDown", host)).toBe(false);
  });

  it("takes the stick for the point once it is out, and its button for a start", () => {
    const pad = { connected: true, axes: [0, 0], buttons: [{ pressed: false }] };
    vi.stubGlobal("navigator", { ...navigator, getGamepads: () => [pad] });
    window.dispatchEvent(new Event("gamepadconnected"));
    view.setMode("live");
    send("pointermove", 0.4, 0);
    frame(10);
    expect(pointer.device).toBe("mouse"); // a stick at rest says nothing
    pad.axes = [-1, 0];
    frame(26);
    expect([pointer.device, pointer.valence]).toEqual(["gamepad", -1]);
    pad.axes = [0, 0];
    frame(42);
    expect(Math.hypot(pointer.valence, pointer.arousal)).toBe(0);
    pad.buttons = [{ pressed: true }];
    frame(58);
    frame(74);
    expect(buttons).toHaveLength(1);
  });

  it("holds while a question is in front of it", () => {
    view.setMode("live");
    send("pointermove", 0.5, 0.5);
    view.setMode("off");
    expect(pointer.inside).toBe(false);
    send("pointermove", -0.5, -0.5);
    expect(pointer.valence).toBeCloseTo(0.5, 6);
  });
});
