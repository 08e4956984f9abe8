import { expect, test } from "vitest";
import type { PersonProgress } from "../api/schema.gen";
import { attentionTo } from "./attention";

const DAY = 86_400;
const NOW = 100 * DAY;
const START = 90 * DAY;
const fine: PersonProgress = {
  annotator: "a01",
  cohort: 1,
  phase: "work",
  status: "active",
  step: "work",
  reason: "",
  done: 50,
  total: 100,
  calibrated: true,
  attempts: 0,
  interrupted: 1,
  listened_s: 3000,
  listened_today_s: 600,
  until: null,
  last_seen: NOW - DAY,
  entered: true,
  replaces: "",
};

test.each<[string, Partial<PersonProgress>, string[]]>([
  ["somebody at work", {}, []],
  ["two days away", { last_seen: NOW - 2.9 * DAY }, []],
  ["three days away", { last_seen: NOW - 3 * DAY }, ["away"]],
  ["never entered, study ten days old", { entered: false, last_seen: null, step: "invitation" }, ["never"]],
  ["finished long ago", { step: "finished", last_seen: NOW - 9 * DAY, done: 100 }, []],
  ["paused by the researcher", { status: "paused", step: "paused" }, ["paused"]],
  ["paused after failures", { status: "paused", step: "paused", calibrated: false, attempts: 3 }, ["failed"]],
  ["one failure", { calibrated: false, attempts: 1 }, ["calibration"]],
  ["passed at the second attempt", { calibrated: true, attempts: 1 }, []],
  ["left, half done", { status: "dropped", step: "dropped" }, ["open"]],
  ["left when all was done", { status: "dropped", step: "dropped", done: 100 }, []],
  ["five of 55 broken off", { interrupted: 5 }, []],
  ["six of 56 broken off", { interrupted: 6 }, ["interrupted"]],
  ["the first two broken off", { done: 0, interrupted: 2 }, []],
  ["away and calibrating", { last_seen: START, calibrated: false, attempts: 2 }, ["away", "calibration"]],
])("%s", (_, change, expected) => {
  const found = attentionTo({ ...fine, ...change }, START, NOW, new Set());
  expect(found.map((one) => one.kind)).toEqual(expected);
});

test("work that a newcomer took over is not open, and what is open is counted", () => {
  const left: PersonProgress = { ...fine, status: "dropped", step: "dropped", done: 30 };
  expect(attentionTo(left, START, NOW, new Set(["a01"]))).toEqual([]);
  expect(attentionTo(left, START, NOW, new Set(["a02"]))).toEqual([{ kind: "open", count: 70 }]);
});
