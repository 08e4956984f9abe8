import { expect, test } from "vitest";
import { go, hrefOf, partsOf, route } from "./route";

test.each([
  ["", []],
  ["#/", []],
  ["#/researcher/tracks/a%2Fb", ["researcher", "tracks", "a/b"]],
  ["#/enter/%", ["enter", "%"]],
])("%s is read as %j", (hash, parts) => {
  expect(partsOf(hash)).toEqual(parts);
});

test("a name with any sign in it survives the address", () => {
  const parts = ["researcher", "tracks", "Ä/ö #1 50%?"];
  expect(partsOf(hrefOf(...parts))).toEqual(parts);
});

test("replacing leaves no entry in the history", () => {
  const before = history.length;
  go(["researcher"], { replace: true });
  expect(route.value).toEqual(["researcher"]);
  expect(location.hash).toBe("#/researcher");
  expect(history.length).toBe(before);
});
