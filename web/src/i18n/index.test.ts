import { afterEach, expect, test } from "vitest";
import { language, phrases, speak } from ".";

afterEach(() => speak("en"));

test("words follow the language, and the page says which it is", () => {
  const words = phrases({
    en: { of: (a: number, b: number) => `${a} of ${b}` },
    zh: { of: (a, b) => `${b} 中的 ${a}` },
  });
  expect(words.value.of(2, 9)).toBe("2 of 9");
  expect(document.documentElement.lang).toBe("en");
  speak("zh");
  expect(words.value.of(2, 9)).toBe("9 中的 2");
  expect(document.documentElement.lang).toBe("zh-Hans");
  expect(localStorage.getItem("damer-language")).toBe("zh");
  expect(language.value).toBe("zh");
});
