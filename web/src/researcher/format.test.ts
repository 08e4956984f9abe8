import { afterEach, expect, test } from "vitest";
import { speak } from "../i18n";
import { ago, clock, hours, percent, two } from "./format";

afterEach(() => speak("en"));

test.each([
  [0, "0:00"],
  [59.99, "0:59"],
  [187.4, "3:07"],
  [-1, "0:00"],
])("%d seconds are %s", (seconds, text) => expect(clock(seconds)).toBe(text));

test("a share is all only when it is all", () => {
  expect([0, 0.624, 0.999, 1].map(percent)).toEqual(["0%", "62%", "99%", "100%"]);
});

test("numbers have a true minus, no negative zero, and a dash where nothing is known", () => {
  expect([-0.254, -0.001, 1, null, Number.NaN].map(two)).toEqual(["−0.25", "0.00", "1.00", "–", "–"]);
});

test("how long ago, in both languages", () => {
  expect(ago(1000, 1059)).toBeNull();
  expect(ago(1000, 1000 + 119)).toBe("1 minute ago");
  expect(ago(0, 3 * 86_400 + 5)).toBe("3 days ago");
  speak("zh");
  expect(ago(0, 7200)).toBe("2小时前");
});

test("minutes below an hour, hours above", () => {
  expect([600, 5400, 720_000].map(hours)).toEqual(["10 min", "1.5 h", "200 h"]);
});
