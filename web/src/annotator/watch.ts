/** What happens around the page while it records: written into the take, and acted upon. */

import { effect } from "@preact/signals";
import type { Device } from "../core/pointer";
import type { AnnotatorModel } from "./model";

const DEVICE_MS = 250;

/** Watches the page for a model; returns how to stop. */
export function watchPage(model: AnnotatorModel): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const now = () => performance.now();
  const note = (kind: Parameters<NonNullable<AnnotatorModel["run"]>["note"]>[0], detail: string) =>
    model.run?.note(kind, detail, now());

  document.addEventListener(
    "visibilitychange",
    () => {
      const visible = document.visibilityState === "visible";
      model.run?.shown(visible, now());
      if (visible) void model.revive();
    },
    { signal },
  );
  window.addEventListener("blur", () => note("focus", "lost"), { signal });
  window.addEventListener("focus", () => note("focus", "back"), { signal });
  window.addEventListener("online", () => void model.revive(), { signal });
  window.addEventListener("error", (event) => note("error", event.message), { signal });
  navigator.mediaDevices?.addEventListener("devicechange", () => note("device", "sound devices changed"), {
    signal,
  });
  window.addEventListener("pagehide", () => model.breakOff("left"), { signal });
  window.addEventListener(
    "beforeunload",
    (event) => {
      const waits = model.outbox.view.value.waiting > 0 && !model.outbox.view.value.durable;
      if (model.stage.value === "playing" || waits) event.preventDefault();
    },
    { signal },
  );

  const sleepless = keepAwake(model);

  let device: Device | "" = "";
  const timer = setInterval(() => {
    const used = model.pointer.device;
    if (model.run && device !== "" && used !== device && used !== "") note("device", used);
    device = model.run ? used : "";
    if (model.playing && !model.playing.running) model.playing.resume();
  }, DEVICE_MS);

  return () => {
    sleepless();
    stop.abort();
    clearInterval(timer);
  };
}

/** While a track plays the screen stays on, though nobody may touch a key for minutes. Returns how to stop. */
function keepAwake(model: AnnotatorModel): () => void {
  let lock: Promise<WakeLockSentinel | null> | null = null;
  const letGo = () => {
    void lock?.then((held) => held?.release()).catch(() => {});
    lock = null;
  };
  const stop = effect(() => {
    if (model.stage.value !== "playing") return letGo();
    lock ??= navigator.wakeLock?.request("screen").catch(() => null) ?? null;
  });
  return () => {
    stop();
    letGo();
  };
}
