import { useMemo, useState } from "preact/hooks";
import { api, ask } from "../api/client";
import type { Trajectories } from "../api/schema.gen";
import { hrefOf } from "../app/route";
import { Notice } from "../ui/notice";
import { useLoaded } from "./data";
import { type Player, usePlayer } from "./player";
import { Disc } from "./plot/disc";
import { usePlayhead } from "./plot/playhead";
import { TimePlot } from "./plot/timeplot";
import { Shown } from "./shown";
import { TakeList } from "./takelist";
import { prepare } from "./takes";
import { Transport } from "./transport";
import { words } from "./words";

/** All that was said of a track, with its sound. */
export function TrackPage({ id }: { id: string }) {
  const path = { params: { path: { track_id: id } } };
  const loaded = useLoaded(() => ask(api.GET("/api/v1/researcher/tracks/{track_id}/trajectories", path)), id);
  return (
    <div class="stack pages">
      <a class="back" href={hrefOf("researcher", "tracks")}>
        {words.value.tracks.back}
      </a>
      {loaded.error?.status === 404 ? (
        <Notice kind="warn">{words.value.tracks.missing}</Notice>
      ) : (
        <Shown loaded={loaded}>{(found) => <Track found={found} />}</Shown>
      )}
    </div>
  );
}

function Track({ found }: { found: Trajectories }) {
  const say = words.value.tracks;
  const drawn = useMemo(() => prepare(found), [found]);
  const [chosen, setChosen] = useState<string | null>(null);
  const [broken, setBroken] = useState(false);
  const player = usePlayer(found.track_id, found.duration_s);
  const { follow, tell } = usePlayhead(player);
  const shown = useMemo(() => drawn.takes.filter((take) => take.valid), [drawn]);
  const listed = broken ? drawn.takes : shown;
  const front = drawn.takes.find((take) => take.id === chosen) ?? null;
  const seek = (seconds: number) => {
    player.seek(seconds);
    tell();
  };

  return (
    <section class="card stack" {...keys(player, seek)}>
      <h1>{drawn.title}</h1>
      {drawn.takes.length === 0 && <Notice>{say.none}</Notice>}
      <Transport drawn={drawn} player={player} follow={follow} onSeek={seek} />
      <div class="panels">
        <TimePlot drawn={drawn} shown={shown} chosen={front} follow={follow} onSeek={seek} />
        <Disc drawn={drawn} shown={shown} chosen={front} follow={follow} />
      </div>
      <p class="legend small">
        <span class="key valence">{words.value.agreement.valence}</span>
        <span class="key arousal">{words.value.agreement.arousal}</span>
        <span class="faint">{say.spread}</span>
        {front && <span class="key ink">{front.annotator}</span>}
      </p>
      {listed.length > 0 && <TakeList takes={listed} chosen={chosen} onChoose={setChosen} />}
      {shown.length < drawn.takes.length && (
        <label class="check small">
          <input
            type="checkbox"
            checked={broken}
            onChange={(event) => setBroken(event.currentTarget.checked)}
          />
          {say.showBroken}
        </label>
      )}
    </section>
  );
}

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 };

/** Space plays and arrows seek wherever the focus is, but on controls that use these keys themselves. */
function keys(player: Player, seek: (seconds: number) => void) {
  return {
    onKeyDown: (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (target.closest("button, input, a, select, textarea")) return;
      const step = STEPS[event.key];
      if (event.key === " ") player.toggle();
      else if (step !== undefined) seek(player.position() + step);
      else return;
      event.preventDefault();
    },
  };
}
