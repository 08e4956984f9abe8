import { phrases } from "../i18n";
import { en } from "./words.en";
import { zh } from "./words.zh";

export const words = phrases({ en, zh });
