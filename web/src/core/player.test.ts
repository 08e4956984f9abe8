import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Player } from "./player";

/** A browser's sound: its clock and state are set by the test. */
class Context {
  static made = 0;
  state = "suspended";
  currentTime = 10;
  outputLatency = 0.05;
  baseLatency = 0.01;
  destination = {};
  allowed = true;
  constructor() {
    Context.made += 1;
    context = this;
  }
  resume(): Promise<void> {
    if (!this.allowed) return new Promise(() => {});
    this.state = "running";
    return Promise.resolve();
  }
}

class Node {
  gain = { value: 1, setValueAtTime: () => {}, linearRampToValueAtTime: () => {} };
  onended: (() => void) | null = null;
  started: number | null = null;
  stopped: number | null = null;
  constructor(
    _context: unknown,
    readonly options: { gain?: number },
  ) {
    nodes.push(this);
  }
  connect = (next: unknown) => next;
  disconnect = () => {};
  start = (at: number) => {
    this.started = at;
  };
  stop = (at: number) => {
    this.stopped = at;
  };
}

let context: Context;
let nodes: Node[];
const track = { name: "x", buffer: { duration: 30 } as AudioBuffer };

beforeEach(() => {
  vi.useFakeTimers();
  Context.made = 0;
  nodes = [];
  vi.stubGlobal("AudioContext", Context);
  vi.stubGlobal("GainNode", Node);
  vi.stubGlobal("AudioBufferSourceNode", Node);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the player", () => {
  it("says which place is heard: the audio clock, less what is on its way to the ear", async () => {
    const playing = await new Player().play(track, 0, () => {});
    const starts = nodes[1]?.started ?? 0;
    expect(starts).toBeGreaterThan(10);
    expect(playing.durationMs).toBe(30_000);
    context.currentTime = starts + 0.05;
    expect(playing.positionMs()).toBeCloseTo(0, 6);
    context.currentTime = starts + 12.05;
    expect(playing.positionMs()).toBeCloseTo(12_000, 6);
    context.outputLatency = 0.25; // headphones without a cable were put on
    expect(playing.positionMs()).toBeCloseTo(11_800, 6);
    context.currentTime = starts + 99;
    expect(playing.positionMs()).toBe(30_000);
  });

  it("takes what the browser knows of the latency: all of it, its own part, or nothing", async () => {
    const playing = await new Player().play(track, 0, () => {});
    expect(playing.latencyMs()).toBe(50);
    context.outputLatency = undefined as unknown as number;
    expect(playing.latencyMs()).toBe(10);
    context.baseLatency = undefined as unknown as number;
    expect(playing.latencyMs()).toBeNull();
  });

  it("applies the gain that the server asks for", async () => {
    await new Player().play(track, -6, () => {});
    expect(nodes[0]?.options.gain).toBeCloseTo(0.501, 3);
  });

  it("ends when the last sound has reached the ear, and not at all when it was stopped", async () => {
    const ended = vi.fn();
    await new Player().play(track, 0, ended);
    nodes[1]?.onended?.();
    vi.advanceTimersByTime(40);
    expect(ended).not.toHaveBeenCalled();
    vi.advanceTimersByTime(15);
    expect(ended).toHaveBeenCalledOnce();
    const other = await new Player().play(track, 0, ended);
    other.stop();
    nodes[3]?.onended?.();
    vi.advanceTimersByTime(1000);
    expect(ended).toHaveBeenCalledOnce();
    expect(nodes[3]?.stopped).toBeGreaterThan(10);
  });

  it("is unlocked once and says where the browser still makes no sound", async () => {
    const player = new Player();
    await player.unlock();
    await player.unlock();
    expect(Context.made).toBe(1);
    context.state = "suspended";
    context.allowed = false;
    const refused = expect(player.unlock()).rejects.toThrow("no sound");
    await vi.advanceTimersByTimeAsync(2500);
    await refused;
  });
});
