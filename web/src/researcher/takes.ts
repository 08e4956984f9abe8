import type { Trajectories, Trajectory } from "../api/schema.gen";
import { type Series, type Summary, summarise } from "./plot/geometry";

export interface Take {
  readonly id: string;
  readonly annotator: string;
  /** A hearing after the first one by the same person. */
  readonly second: boolean;
  readonly valid: boolean;
  /** training, calibration or work. */
  readonly kind: "training" | "calibration" | "work";
  readonly valence: Series;
  readonly arousal: Series;
}

/** Everything that is drawn of a track. */
export interface Drawn {
  readonly title: string;
  readonly durationS: number;
  readonly rate: number;
  /** The grid, seconds; a value holds until the next one. */
  readonly times: readonly number[];
  readonly takes: readonly Take[];
  readonly valence: Summary;
  readonly arousal: Summary;
}

const byName = new Intl.Collator("en", { numeric: true });

/**
 * Prepare the takes of a track: mean and spread are over people, each with the first of their valid takes, as the
 * labels of a release are. Second hearings, takes that were broken off, and those of somebody's calibration can be
 * looked at and count for nothing; a track that is in nobody's work is summarised over what there is.
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
  const first = takes.filter((take) => take.valid && !take.second);
  const work = first.filter((take) => take.kind === "work");
  const counted = work.length > 0 ? work : first;
  const longest = found.takes
    .map((take) => take.time_s)
    .reduce((one, other) => (other.length > one.length ? other : one), []);
  return {
    title: found.title || found.track_id,
    durationS: found.duration_s,
    rate: found.rate_hz,
    times: longest,
    takes,
    valence: summarise(counted.map((take) => take.valence)),
    arousal: summarise(counted.map((take) => take.arousal)),
  };
}

function drawnTake(take: Trajectory, second: boolean): Take {
  const { trial_id: id, annotator, valid, valence, arousal } = take;
  const kind = take.kind === "training" || take.kind === "calibration" ? take.kind : "work";
  return { id, annotator, second, valid, kind, valence, arousal };
}
