import type { Row } from "./people";

export type SortBy = "name" | "cohort" | "now" | "done" | "today" | "seen";

const byName = new Intl.Collator("en", { numeric: true });

// biome-ignore format: a row reads better
/** Order of the steps on an annotator's way, so that a sorted column reads as a story. */
const WAY = [
  "paused", "dropped", "invitation", "consent", "volume_check", "training", "training_done", "calibrate",
  "judgement", "retrain", "work", "listening", "rest", "done_for_today", "finished",
];

/** Return the rows in another order; equal ones by name, numbers in names as numbers. */
export function sorted(rows: readonly Row[], by: SortBy, down: boolean): readonly Row[] {
  const value = (row: Row): number =>
    ({
      name: 0,
      cohort: row.cohort,
      now: WAY.indexOf(row.step) - (row.attention.length > 0 ? WAY.length : 0),
      done: row.total > 0 ? row.done / row.total : 0,
      today: row.listened_today_s,
      seen: row.last_seen ?? 0,
    })[by];
  const sign = down ? -1 : 1;
  return rows.toSorted(
    (one, other) =>
      sign * (value(one) - value(other)) ||
      (by === "name" ? sign : 1) * byName.compare(one.annotator, other.annotator),
  );
}
