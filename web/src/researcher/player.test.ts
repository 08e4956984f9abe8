import { beforeEach, expect, test, vi } from "vitest";
import { Sound } from "./player";

/** As much of Web Audio as playing needs, on a clock that the test moves. */
class Context {
  static now = 0;
  static sources: Source[] = [];
  outputLatency = 0.1;
  destination = {};
  get currentTime() {
    return Context.now;
  }
  resume() {
    return Promise.resolve();
  }
  close() {
    return Promise.resolve();
  }
  createBufferSource() {
    const source = new Source();
    Context.sources.push(source);
    return source;
  }
}

class Source {
  onended: (() => void) | null = null;
  offset = -1;
  stopped = false;
  connect() {}
  disconnect() {}
  start(_: number, offset: number) {
    this.offset = offset;
  }
  stop() {
    this.stopped = true;
    this.onended?.();
  }
}

let states: boolean[] = [];
let sound: Sound;
const source = () => Context.sources[Context.sources.length - 1];

beforeEach(() => {
  vi.stubGlobal("AudioContext", Context);
  Context.now = 5;
  Context.sources = [];
  states = [];
  sound = new Sound({ duration: 10 } as AudioBuffer, (playing) => states.push(playing));
});

test("the position is what is heard: later than what was started by the latency of the output", () => {
  sound.toggle();
  expect(sound.position()).toBe(0);
  Context.now = 5.05;
  expect(sound.position()).toBe(0);
  Context.now = 7.1;
  expect(sound.position()).toBeCloseTo(2, 9);
  sound.toggle();
  Context.now = 60;
  expect(sound.position()).toBeCloseTo(2, 9);
  expect(source()?.stopped).toBe(true);
  sound.toggle();
  expect(source()?.offset).toBeCloseTo(2, 9);
  expect(states).toEqual([true, false, true]);
});

test("seeking goes on playing from there, and stays silent where it was silent", () => {
  sound.seek(4);
  expect(Context.sources).toHaveLength(0);
  expect(sound.position()).toBe(4);
  sound.toggle();
  expect(source()?.offset).toBe(4);
  sound.seek(9);
  expect(Context.sources).toHaveLength(2);
  expect(source()?.offset).toBe(9);
  expect(states).toEqual([true]);
});

test("at the end it stops there, and plays from the start again", () => {
  sound.toggle();
  source()?.onended?.();
  expect(sound.position()).toBe(10);
  sound.toggle();
  expect(source()?.offset).toBe(0);
  expect(states).toEqual([true, false, true]);
});
