import type { Trajectories, Trajectory } from "../api/schema.gen";
import { type Series, type Summary, summarise } from "./plot/geometry";

export interface Take {
  readonly id: string;
  readonly annotator: string;
  /** A hearing after the first one by the same person. */
  readonly second: boolean;
  readonly valid: boolean;
  readonly valence: Series;
  readonly arousal: Series;
}

/** Everything that is drawn of a track. */
export interface Drawn {
  readonly title: string;
  readonly durationS: number;
  readonly rate: number;
  /** Middle of each step of the grid, seconds. */
  readonly times: readonly number[];
  readonly takes: readonly Take[];
  readonly valence: Summary;
  readonly arousal: Summary;
}

const byName = new Intl.Collator("en", { numeric: true });

/**
 * Prepare the takes of a track: mean and spread are over people, each with the first of their valid takes, as the
 * labels of a release are. Second hearings and takes that were broken off can be looked at and count for nothing.
 */
export function prepare(found: Trajectories): Drawn {
  const ordered = found.takes.toSorted(
    (one, other) => byName.compare(one.annotator, other.annotator) || one.started_at - other.started_at,
  );
  const heard = new Set<string>();
  const takes = ordered.map((take) => {
    const second = take.valid && (take.kind === "duplicate" || heard.has(take.annotator));
    if (take.valid && !second) heard.add(take.annotator);
    return drawnTake(take, second);
  });
  const counted = takes.filter((take) => take.valid && !take.second);
  const longest = Math.max(0, ...found.takes.map((take) => take.time_s.length));
  return {
    title: found.title || found.track_id,
    durationS: found.duration_s,
    rate: found.rate_hz,
    times: Array.from({ length: longest }, (_, place) => (place + 0.5) / found.rate_hz),
    takes,
    valence: summarise(counted.map((take) => take.valence)),
    arousal: summarise(counted.map((take) => take.arousal)),
  };
}

function drawnTake(take: Trajectory, second: boolean): Take {
  const { trial_id: id, annotator, valid, valence, arousal } = take;
  return { id, annotator, second, valid, valence, arousal };
}
