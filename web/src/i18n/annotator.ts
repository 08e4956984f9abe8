import { phrases } from ".";
import { en } from "./annotator.en";
import { zh } from "./annotator.zh";

export type { AnnotatorWords } from "./annotator.en";

/** The words of the annotator's pages in the language that is set. */
export const words = phrases({ en, zh });
