import { expect, test } from "vitest";
import { type SortBy, sorted } from "./order";
import type { Row } from "./people";

function row(annotator: string, change: Partial<Row>): Row {
  return {
    annotator,
    cohort: 1,
    phase: "work",
    status: "active",
    step: "work",
    reason: "",
    done: 0,
    total: 10,
    calibrated: true,
    attempts: 0,
    interrupted: 0,
    listened_s: 0,
    listened_today_s: 0,
    until: null,
    last_seen: null,
    entered: true,
    replaces: "",
    attention: [],
    ...change,
  };
}

const ROWS = [
  row("a10", { cohort: 2, done: 5, listened_today_s: 60, last_seen: 300 }),
  row("a2", { step: "finished", done: 10, last_seen: 100 }),
  row("a1", { step: "consent", total: 0, attention: [{ kind: "away", count: 4 }], last_seen: 200 }),
];

test.each<[SortBy, string[]]>([
  ["name", ["a1", "a2", "a10"]],
  ["cohort", ["a1", "a2", "a10"]],
  ["now", ["a1", "a10", "a2"]], // who needs a look, then along the way
  ["done", ["a1", "a10", "a2"]],
  ["today", ["a1", "a2", "a10"]],
  ["seen", ["a2", "a1", "a10"]],
])("by %s", (by, expected) => {
  expect(sorted(ROWS, by, false).map((one) => one.annotator)).toEqual(expected);
});

test("downwards values turn round; equal ones stay in the order of names", () => {
  expect(sorted(ROWS, "name", true).map((one) => one.annotator)).toEqual(["a10", "a2", "a1"]);
  expect(sorted(ROWS, "today", true).map((one) => one.annotator)).toEqual(["a10", "a1", "a2"]);
});
