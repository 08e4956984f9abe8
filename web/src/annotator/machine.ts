/** What a trial is made with: stored with it, so that oddities can be explained later. */

import type { Client } from "../api/schema.gen";
import type { ClockOffset } from "../core/clock";
import type { Device } from "../core/pointer";
import { language } from "../i18n";

/** Tells two pages apart. */
const INSTANCE = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
  byte.toString(16).padStart(2, "0"),
).join("");

/** Describes this page, browser and machine. */
export function clientOf(
  version: string,
  device: Device | "",
  context: Pick<AudioContext, "outputLatency" | "baseLatency">,
  offset: ClockOffset | null,
): Client {
  const latency = context.outputLatency || context.baseLatency;
  return {
    program: `damer-web ${version}`,
    device,
    language: language.value,
    output_latency_ms: Number.isFinite(latency) ? latency * 1000 : null,
    clock_offset_ms: offset?.offsetMs ?? null,
    round_trip_ms: offset?.roundTripMs ?? null,
    user_agent: navigator.userAgent.slice(0, 500),
    screen: `${innerWidth}x${innerHeight} @${devicePixelRatio}`,
    instance: INSTANCE,
  };
}
