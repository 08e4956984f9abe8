import { LANGUAGE_NAMES, LANGUAGES, language, speak } from "../i18n";
import { words } from "./words";

/** The language switch: every language by its own name. */
export function Languages() {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would need a legend on the page
    <div class="languages" role="group" aria-label={words.value.language}>
      {LANGUAGES.map((name) => (
        <button
          type="button"
          key={name}
          lang={name === "zh" ? "zh-Hans" : name}
          aria-pressed={language.value === name}
          onClick={() => speak(name)}
        >
          {LANGUAGE_NAMES[name]}
        </button>
      ))}
    </div>
  );
}
