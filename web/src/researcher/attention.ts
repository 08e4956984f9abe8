import type { PersonProgress } from "../api/schema.gen";

/** Why a researcher should look at somebody; the first of a list is the most pressing. */
export interface Attention {
  readonly kind: "open" | "failed" | "paused" | "never" | "away" | "calibration" | "interrupted";
  /** Hearings or days, where there is something to count. */
  readonly count?: number;
}

const DAY_S = 86_400;
/** Without a sign of somebody for so long one asks. */
export const AWAY_DAYS = 3;
/** So many broken-off takes, and so large a share of all, are more than accidents. */
const INTERRUPTED_FEWEST = 3;
const INTERRUPTED_SHARE = 0.1;

/**
 * Say what is not going its way with somebody.
 *
 * @param person as the server tells it
 * @param createdAt when the study was made, server time in seconds
 * @param now server time in seconds
 * @param replaced names of those whose work somebody else took over
 */
export function attentionTo(
  person: PersonProgress,
  createdAt: number,
  now: number,
  replaced: ReadonlySet<string>,
): readonly Attention[] {
  const { annotator, status, step, done, total, attempts, interrupted } = person;
  if (status === "dropped" || step === "dropped") {
    return done < total && !replaced.has(annotator) ? [{ kind: "open", count: total - done }] : [];
  }
  if (status === "paused" || step === "paused") {
    return [{ kind: attempts > 0 && !person.calibrated ? "failed" : "paused" }];
  }
  if (step === "finished") return [];
  const found: Attention[] = [];
  const silent = Math.floor((now - (person.last_seen ?? createdAt)) / DAY_S);
  if (silent >= AWAY_DAYS) found.push({ kind: person.entered ? "away" : "never", count: silent });
  if (attempts > 0 && !person.calibrated) found.push({ kind: "calibration", count: attempts });
  const many = Math.max(INTERRUPTED_FEWEST, INTERRUPTED_SHARE * (done + interrupted));
  if (interrupted >= many) found.push({ kind: "interrupted", count: interrupted });
  return found;
}
