import { useCallback, useEffect, useRef } from "preact/hooks";
import type { Player } from "../player";

/** Be told where the sound is: at once, after each seek, and at every frame while it plays. Returns how to stop. */
export type Follow = (listener: (seconds: number) => void) => () => void;

/**
 * Tell plots where the sound is without drawing the page again: they move what moves themselves.
 *
 * @returns `follow`, and `tell` to be called after a seek
 */
export function usePlayhead(player: Player): { follow: Follow; tell: () => void } {
  const listeners = useRef(new Set<(seconds: number) => void>());
  const position = useRef(player.position);
  position.current = player.position;

  const tell = useCallback(() => {
    const seconds = position.current();
    for (const listener of listeners.current) listener(seconds);
  }, []);
  const follow = useCallback<Follow>((listener) => {
    listeners.current.add(listener);
    listener(position.current());
    return () => listeners.current.delete(listener);
  }, []);

  const playing = player.state === "playing";
  useEffect(() => {
    tell();
    if (!playing) return;
    let frame = requestAnimationFrame(function next() {
      tell();
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, tell]);
  return { follow, tell };
}
