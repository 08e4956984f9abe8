import { language } from "../i18n";
import { words } from "./words";

const LOCALES = { en: "en-GB", zh: "zh-CN" } as const;
const locale = () => LOCALES[language.value];

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** A moment in the reader's own time zone: "20 Nov, 16:59". */
export function moment(seconds: number): string {
  return new Intl.DateTimeFormat(locale(), {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  }).format(1000 * seconds);
}

/** How long ago: "5 minutes ago"; null for less than a minute. */
export function ago(seconds: number, now: number): string | null {
  const since = now - seconds;
  if (since < MINUTE_S) return null;
  const say = new Intl.RelativeTimeFormat(locale(), { numeric: "always" });
  if (since < HOUR_S) return say.format(-Math.floor(since / MINUTE_S), "minute");
  if (since < DAY_S) return say.format(-Math.floor(since / HOUR_S), "hour");
  return say.format(-Math.floor(since / DAY_S), "day");
}

/** "3:07" of 187.4 seconds. */
export function clock(seconds: number): string {
  const whole = Math.floor(Math.max(0, seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** "12.4 h", or minutes for less than an hour. */
export function hours(seconds: number): string {
  const say = words.value.person;
  if (seconds < HOUR_S) return say.minutes(count(Math.round(seconds / MINUTE_S)));
  const value = seconds / HOUR_S;
  return say.hours(count(value < 100 ? Math.round(10 * value) / 10 : Math.round(value)));
}

/** A share in [0, 1] as "63 %"; all only when it is all. */
export function percent(share: number): string {
  const whole = share >= 1 ? 100 : Math.min(99, Math.round(100 * share));
  return new Intl.NumberFormat(locale(), { style: "percent" }).format(whole / 100);
}

/** "1,234". */
export function count(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

/** Two decimals with a true minus sign: "−0.25"; a dash for what is not known. */
export function two(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = Math.abs(value).toFixed(2);
  return value < 0 && text !== "0.00" ? `−${text}` : text;
}
