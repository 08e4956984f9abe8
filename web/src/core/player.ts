/**
 * The sound: fetched whole, decoded whole, started by the annotator's own click, placed by the audio clock.
 *
 * Nothing is streamed: a stream stalls, and the place in it drifts from what is heard.
 */

import type { Sound } from "./run";

/** A track that is ready to be heard. */
export interface LoadedTrack {
  readonly name: string;
  readonly buffer: AudioBuffer;
}

const LEAD_S = 0.15; // between the order to play and the first sound: enough to be scheduled exactly
const UNLOCK_MS = 2000;
const FADE_S = 0.012; // against the click of a sound that is broken off

export class Player {
  private context: AudioContext | null = null;

  /**
   * Must be called inside a click, tap or key press: browsers make no sound without one.
   *
   * @throws Error where the browser still makes none.
   */
  async unlock(): Promise<AudioContext> {
    const context = this.context ?? new AudioContext({ latencyHint: "interactive" });
    this.context = context;
    if (context.state === "running") return context;
    // Without a gesture the promise of `resume` just stays open.
    await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, UNLOCK_MS))]);
    if ((context.state as AudioContextState) !== "running") throw new Error("the browser makes no sound");
    return context;
  }

  /** Gives the sound card back. */
  async close(): Promise<void> {
    const context = this.context;
    this.context = null;
    await context?.close();
  }

  /**
   * Fetches and decodes a track; no click is needed for this.
   *
   * @throws Error where it cannot be fetched or is no sound.
   */
  async load(name: string, url: string, signal: AbortSignal): Promise<LoadedTrack> {
    const answer = await fetch(url, { signal, credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const bytes = await answer.arrayBuffer();
    return { name, buffer: await decoder().decodeAudioData(bytes) };
  }

  /** Starts a track. The context must be unlocked. */
  async play(track: LoadedTrack, gainDb: number, onEnd: () => void): Promise<Playing> {
    const context = await this.unlock();
    return new Playing(context, track.buffer, gainDb, onEnd);
  }
}

/** A track that is being heard. */
export class Playing implements Sound {
  readonly durationMs: number;
  private readonly source: AudioBufferSourceNode;
  private readonly volume: GainNode;
  private readonly startsAt: number;

  constructor(
    private readonly context: AudioContext,
    buffer: AudioBuffer,
    gainDb: number,
    onEnd: () => void,
  ) {
    this.durationMs = buffer.duration * 1000;
    this.volume = new GainNode(context, { gain: 10 ** (gainDb / 20) });
    this.source = new AudioBufferSourceNode(context, { buffer });
    this.source.connect(this.volume).connect(context.destination);
    this.startsAt = context.currentTime + LEAD_S;
    this.source.onended = () => {
      this.volume.disconnect();
      setTimeout(onEnd, this.latencyMs() ?? 0); // what was rendered last is still on its way to the ear
    };
    this.source.start(this.startsAt);
  }

  positionMs(): number {
    const heard = this.context.currentTime - this.startsAt - (this.latencyMs() ?? 0) / 1000;
    return Math.min(heard * 1000, this.durationMs);
  }

  latencyMs(): number | null {
    // Firefox and Chromium know outputLatency; Safari only the part of it that is its own.
    const seconds = this.context.outputLatency || this.context.baseLatency;
    return Number.isFinite(seconds) ? seconds * 1000 : null;
  }

  /** Whether the sound card is at work; a phone call or a closed lid stops it. */
  get running(): boolean {
    return this.context.state === "running";
  }

  /** Tries to go on after the system stopped the sound card. */
  resume(): void {
    void this.context.resume().catch(() => {});
  }

  stop(): void {
    const now = this.context.currentTime;
    this.source.onended = () => this.volume.disconnect();
    this.volume.gain.setValueAtTime(this.volume.gain.value, now);
    this.volume.gain.linearRampToValueAtTime(0, now + FADE_S);
    this.source.stop(now + FADE_S);
  }
}

function decoder(): BaseAudioContext {
  return new OfflineAudioContext({ numberOfChannels: 2, length: 1, sampleRate: 44_100 });
}
