import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";

export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What each language calls itself: the switch is read by people who do not know the other one. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", zh: "中文" };

const STORED = "damer-language";

/** The language of all pages. Set it with `speak`. */
export const language = signal<Language>(preferred());

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
});

/** Show all pages in a language and remember it in this browser. */
export function speak(chosen: Language): void {
  language.value = chosen;
  try {
    localStorage.setItem(STORED, chosen);
  } catch {
    // A browser that keeps nothing (private windows) forgets the choice, no more.
  }
}

/**
 * Return the words of one part of the pages in the language that is set.
 *
 * Each part has a table for English, from which the type comes, and one for every other language: a missing or
 * a misspelt word does not compile. Words with numbers in them are functions.
 *
 * @example const words = phrases({ en, zh }); … <h1>{words.value.title}</h1>
 */
export function phrases<Words>(tables: Readonly<Record<Language, Words>>): ReadonlySignal<Words> {
  return computed(() => tables[language.value]);
}

function preferred(): Language {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(STORED);
  } catch {
    // As above.
  }
  if (isLanguage(stored)) return stored;
  return navigator.languages.some((name) => /^zh\b/i.test(name)) ? "zh" : "en";
}

function isLanguage(name: string | null): name is Language {
  return LANGUAGES.some((known) => known === name);
}
