import { describe, expect, it } from "vitest";
import { TERMS } from "../core/circle";
import { en } from "./annotator.en";
import { zh } from "./annotator.zh";

/** Every text of a table with its path; functions are called with numbers and words as the pages do. */
function texts(table: unknown, path = ""): [string, string][] {
  if (typeof table === "string") return [[path, table]];
  if (typeof table === "function") return [[path, String(table(3, 20))]];
  return Object.entries(table as object).flatMap(([key, value]) => texts(value, `${path}.${key}`));
}

describe("the words of the annotator's pages", () => {
  it("are there in both languages, every one", () => {
    expect(texts(zh).map(([path]) => path)).toEqual(texts(en).map(([path]) => path));
    for (const [path, text] of [...texts(en), ...texts(zh)]) {
      expect(text.trim(), path).not.toBe("");
      expect(text, path).not.toMatch(/undefined|NaN|\[object/);
    }
  });

  it("are Chinese in the one and not in the other", () => {
    for (const [path, text] of texts(zh)) expect(text, path).toMatch(/[\p{Script=Han}\d]/u);
    for (const [path, text] of texts(en)) expect(text, path).not.toMatch(/\p{Script=Han}/u);
  });

  it("name every term of the ring, each by its own word", () => {
    for (const words of [en, zh]) {
      const names = TERMS.map((term) => words.terms[term.name]);
      expect(names.every(Boolean)).toBe(true);
      expect(new Set(names).size).toBe(12);
    }
  });

  it("say in both languages that the music's emotion is asked, not the listener's", () => {
    expect(en.instructions.perceivedTitle).toMatch(/not what you feel/);
    expect(zh.instructions.perceivedTitle).toMatch(/而不是您自己的感受/);
  });

  it("count one batch as one", () => {
    expect(en.save.offline(1)).toBe("Offline: kept here, 1 batch waiting");
    expect(en.save.offline(4)).toBe("Offline: kept here, 4 batches waiting");
  });
});
