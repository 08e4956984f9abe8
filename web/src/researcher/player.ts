import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api, ask } from "../api/client";

export interface Player {
  readonly state: "loading" | "ready" | "playing" | "failed";
  /** Seconds into the track, as they are heard. */
  readonly position: () => number;
  readonly toggle: () => void;
  readonly seek: (seconds: number) => void;
}

const DECODING_RATE_HZ = 44_100;

/**
 * Play a track of the study for a researcher.
 *
 * The sound is decoded whole, as for annotators: a media element seeks in short FLAC files only by luck, a buffer
 * always to the sample.
 *
 * @param id of the track
 * @param durationS its length, for seeking before the sound is there
 */
export function usePlayer(id: string, durationS: number): Player {
  const [state, setState] = useState<Player["state"]>("loading");
  const sound = useRef<Sound | null>(null);
  const waiting = useRef(0);

  useEffect(() => {
    let gone = false;
    setState("loading");
    decoded(id).then(
      (buffer) => {
        if (gone) return;
        sound.current = new Sound(buffer, (playing) => setState(playing ? "playing" : "ready"));
        sound.current.seek(waiting.current);
        setState("ready");
      },
      (error: unknown) => {
        // What is no sound, and what did not come, both leave the plots without one.
        if (!(error instanceof ApiError || error instanceof DOMException)) throw error;
        if (!gone) setState("failed");
      },
    );
    return () => {
      gone = true;
      sound.current?.close();
      sound.current = null;
    };
  }, [id]);

  return {
    state,
    position: () => sound.current?.position() ?? waiting.current,
    toggle: () => sound.current?.toggle(),
    seek: (seconds) => {
      waiting.current = Math.min(durationS, Math.max(0, seconds));
      sound.current?.seek(waiting.current);
    },
  };
}

/** A decoded sound that plays, stops and jumps. */
export class Sound {
  private context: AudioContext | null = null;
  private source: AudioBufferSourceNode | null = null;
  /** Where it stands, or stood when the source was started, seconds. */
  private from = 0;
  private startedAt = 0;

  constructor(
    private readonly buffer: AudioBuffer,
    private readonly told: (playing: boolean) => void,
  ) {}

  position(): number {
    if (!this.source || !this.context) return this.from;
    const heard = this.context.currentTime - this.startedAt - (this.context.outputLatency || 0);
    return Math.min(this.buffer.duration, this.from + Math.max(0, heard));
  }

  toggle(): void {
    if (this.source) {
      this.from = this.position();
      this.stop();
      this.told(false);
      return;
    }
    if (this.from >= this.buffer.duration - 0.01) this.from = 0;
    this.start();
    this.told(true);
  }

  seek(seconds: number): void {
    const playing = this.source !== null;
    this.stop();
    this.from = Math.min(this.buffer.duration, seconds);
    if (playing) this.start();
  }

  close(): void {
    this.stop();
    void this.context?.close();
    this.context = null;
  }

  private start(): void {
    // Made by a click: before one, a browser gives no sound.
    this.context ??= new AudioContext();
    void this.context.resume();
    const source = this.context.createBufferSource();
    source.buffer = this.buffer;
    source.connect(this.context.destination);
    source.onended = () => {
      if (this.source !== source) return;
      this.source = null;
      this.from = this.buffer.duration;
      this.told(false);
    };
    source.start(0, this.from);
    this.startedAt = this.context.currentTime;
    this.source = source;
  }

  private stop(): void {
    const source = this.source;
    this.source = null;
    source?.stop();
    source?.disconnect();
  }
}

async function decoded(id: string): Promise<AudioBuffer> {
  const path = { params: { path: { track_id: id } }, parseAs: "arrayBuffer" as const };
  const bytes = await ask(api.GET("/api/v1/researcher/tracks/{track_id}/audio", path));
  return new OfflineAudioContext(2, 1, DECODING_RATE_HZ).decodeAudioData(bytes as ArrayBuffer);
}
