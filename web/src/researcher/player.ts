import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api, ask } from "../api/client";

export interface Player {
  readonly state: "loading" | "ready" | "playing" | "failed";
  /** Seconds into the track, as exact as the browser tells. */
  readonly position: () => number;
  readonly toggle: () => void;
  readonly seek: (seconds: number) => void;
}

/**
 * Play a track of the study for a researcher.
 *
 * The server sends it whole, without ranges, so it is fetched first and then played from memory: seeking is instant.
 *
 * @param id of the track
 * @param durationS its length, for seeking before the sound is there
 */
export function usePlayer(id: string, durationS: number): Player {
  const audio = useRef<HTMLAudioElement | null>(null);
  const wanted = useRef(0);
  const [state, setState] = useState<Player["state"]>("loading");

  useEffect(() => {
    const element = new Audio();
    audio.current = element;
    let address = "";
    let gone = false;
    const told = (next: Player["state"]) => () => !gone && setState(next);
    element.addEventListener("play", told("playing"));
    element.addEventListener("pause", told("ready"));
    element.addEventListener("error", told("failed"));
    element.addEventListener("loadedmetadata", () => {
      element.currentTime = wanted.current;
      told("ready")();
    });
    fetchSound(id).then(
      (sound) => {
        if (gone) return;
        address = URL.createObjectURL(sound);
        element.src = address;
      },
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        told("failed")();
      },
    );
    return () => {
      gone = true;
      element.pause();
      element.removeAttribute("src");
      if (address) URL.revokeObjectURL(address);
    };
  }, [id]);

  const loaded = () => (audio.current && audio.current.readyState > 0 ? audio.current : null);
  return {
    state,
    position: () => loaded()?.currentTime ?? wanted.current,
    toggle: () => {
      const element = loaded();
      if (!element) return;
      // A refusal of the browser ends in "ready": the button is pressed again.
      if (element.paused) element.play().catch(() => setState("ready"));
      else element.pause();
    },
    seek: (seconds) => {
      wanted.current = Math.min(durationS, Math.max(0, seconds));
      const element = loaded();
      if (element) element.currentTime = wanted.current;
    },
  };
}

async function fetchSound(id: string): Promise<Blob> {
  const path = { params: { path: { track_id: id } }, parseAs: "blob" as const };
  return (await ask(api.GET("/api/v1/researcher/tracks/{track_id}/audio", path))) as Blob;
}
