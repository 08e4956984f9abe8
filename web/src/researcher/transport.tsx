import { useEffect, useRef } from "preact/hooks";
import { Button } from "../ui/button";
import { clock, two } from "./format";
import type { Player } from "./player";
import { between, placeAt } from "./plot/geometry";
import type { Follow } from "./plot/playhead";
import type { Drawn } from "./takes";
import { words } from "./words";

interface Props {
  drawn: Drawn;
  player: Player;
  follow: Follow;
  onSeek: (seconds: number) => void;
}

/** Play, where we are, and what everybody says there on average. */
export function Transport({ drawn, player, follow, onSeek }: Props) {
  const say = words.value.tracks;
  const slider = useRef<HTMLInputElement>(null);
  const time = useRef<HTMLSpanElement>(null);
  const values = useRef<HTMLSpanElement>(null);
  const { durationS, valence, arousal, rate } = drawn;

  useEffect(
    () =>
      follow((seconds) => {
        if (slider.current) {
          slider.current.value = String(seconds);
          slider.current.setAttribute("aria-valuetext", clock(seconds));
        }
        if (time.current) time.current.textContent = `${clock(seconds)} / ${clock(durationS)}`;
        const place = placeAt(seconds, rate, valence.people.length);
        const [v, a] = [between(valence.mean, rate, seconds), between(arousal.mean, rate, seconds)];
        if (values.current)
          values.current.textContent = say.readout(two(v), two(a), valence.people[place] ?? 0);
      }),
    [follow, durationS, valence, arousal, rate, say],
  );

  const playing = player.state === "playing";
  return (
    <div class="transport">
      <Button
        kind="primary"
        class="play"
        disabled={player.state === "loading" || player.state === "failed"}
        onClick={player.toggle}
        aria-label={playing ? say.pausePlay : say.play}
      >
        <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
          <path d={playing ? "M7 5h4v14H7zM13 5h4v14h-4z" : "M8 5v14l11-7z"} />
        </svg>
      </Button>
      <input
        ref={slider}
        type="range"
        min={0}
        max={durationS}
        step={0.1}
        defaultValue="0"
        aria-label={say.seek}
        title={say.keys}
        onInput={(event) => onSeek(event.currentTarget.valueAsNumber)}
        onKeyDown={(event) => {
          // The browser's own steps would be tenths of a second.
          const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
          if (step !== undefined) {
            event.preventDefault();
            onSeek(player.position() + step);
          } else if (event.key === " ") {
            event.preventDefault();
            player.toggle();
          }
        }}
      />
      <span ref={time} class="number time" />
      <span ref={values} class="number values" />
      <span class="faint small sound" role="status">
        {player.state === "loading" ? say.loadingSound : player.state === "failed" ? say.noSound : ""}
      </span>
    </div>
  );
}
