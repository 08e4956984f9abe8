import { useState } from "preact/hooks";
import { api, ask } from "../api/client";
import type { TrackProgress } from "../api/schema.gen";
import { hrefOf } from "../app/route";
import { useLoaded } from "./data";
import { clock, count } from "./format";
import { Shown } from "./shown";
import { words } from "./words";

/** So many rows are drawn; a search finds the others. */
const MOST = 300;

/** Every track of the study with how many have heard it. */
export function TracksPage() {
  const loaded = useLoaded(() => ask(api.GET("/api/v1/researcher/tracks")), "tracks", 30);
  return (
    <section class="card stack">
      <Shown loaded={loaded}>{(tracks) => <Tracks tracks={tracks} />}</Shown>
    </section>
  );
}

function Tracks({ tracks }: { tracks: readonly TrackProgress[] }) {
  const say = words.value.tracks;
  const [wanted, setWanted] = useState("");
  const asked = wanted.trim().toLowerCase();
  const found = tracks.filter((track) =>
    `${track.title} ${track.track_id} ${track.group}`.toLowerCase().includes(asked),
  );
  return (
    <>
      <div class="row apart">
        <h1>{say.title}</h1>
        <div class="row">
          <span class="faint">{say.lead(count(tracks.length))}</span>
          <input
            class="input find"
            type="search"
            placeholder={say.find}
            aria-label={say.find}
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </div>
      </div>
      <table class="table tracks">
        <caption class="unseen">{say.title}</caption>
        <thead>
          <tr>
            <th scope="col">{say.track}</th>
            <th scope="col">{say.heardBy}</th>
            <th scope="col" class="right">
              {say.takes}
            </th>
            <th scope="col" class="right">
              {say.length}
            </th>
            <th scope="col">{say.licence}</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, MOST).map((track) => (
            <Track key={track.track_id} track={track} />
          ))}
        </tbody>
      </table>
      {found.length === 0 && <p class="faint">{say.noMatch}</p>}
      {found.length > MOST && <p class="faint">{say.first(count(MOST), count(found.length))}</p>}
    </>
  );
}

function Track({ track }: { track: TrackProgress }) {
  const say = words.value.tracks;
  const share = track.total > 0 ? track.annotators / track.total : 0;
  return (
    <tr>
      <th scope="row" class="name">
        <a href={hrefOf("researcher", "tracks", track.track_id)}>{track.title || track.track_id}</a>
        {track.group && <span class="faint small group">{track.group}</span>}
      </th>
      <td class="done">
        {track.total > 0 ? (
          <>
            <span class="bar">
              <span class="fill" style={{ width: `${100 * share}%` }} />
            </span>
            <span class="number small">{say.of(track.annotators, track.total)}</span>
          </>
        ) : (
          <span class="faint small">{say.notWork(track.annotators)}</span>
        )}
      </td>
      <td class="right number" data-label={say.takes}>
        {track.takes}
      </td>
      <td class="right number" data-label={say.length}>
        {clock(track.duration_s)}
      </td>
      <td class="licence" data-label={say.licence}>
        {track.licence || words.value.none}
      </td>
    </tr>
  );
}
