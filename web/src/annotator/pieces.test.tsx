import { signal } from "@preact/signals";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Outbox, OutboxView } from "../core/outbox";
import { speak } from "../i18n";
import { SaveState, Tick, watch } from "./pieces";

const SAVED: OutboxView = { state: "saved", waiting: 0, refused: 0, retryAt: null, durable: true };

function shown(first: Partial<OutboxView>) {
  const view = signal<OutboxView>({ ...SAVED, ...first });
  const wake = vi.fn();
  const place = document.createElement("div");
  document.body.append(place);
  act(() => render(<SaveState outbox={{ view, wake } as unknown as Outbox} />, place));
  return { view, wake, text: () => place.textContent ?? "", place };
}

afterEach(() => {
  document.body.replaceChildren();
  speak("en");
  vi.useRealTimers();
});

describe("the state of saving", () => {
  it("says how many batches wait here, in both languages, and can be asked to send now", () => {
    const { text, place, wake } = shown({ state: "offline", waiting: 3 });
    expect(text()).toContain("Offline: kept here, 3 batches waiting");
    place.querySelector("button")?.click();
    expect(wake).toHaveBeenCalledOnce();
    act(() => speak("zh"));
    expect(text()).toContain("3 批待发送");
  });

  it("does not flicker with every batch, but tells a slow one", () => {
    vi.useFakeTimers();
    const { view, text } = shown({});
    act(() => {
      view.value = { ...SAVED, state: "saving", waiting: 1 };
    });
    act(() => void vi.advanceTimersByTime(300));
    expect(text()).toContain("Saved");
    act(() => void vi.advanceTimersByTime(600));
    expect(text()).toContain("Saving");
    act(() => {
      view.value = SAVED;
    });
    expect(text()).toContain("Saved");
  });

  it("warns where the browser keeps nothing and where batches were refused", () => {
    const { text } = shown({ durable: false, refused: 2 });
    expect(text()).toContain("This browser keeps nothing");
    expect(text()).toContain("2 batches were refused");
  });
});

it("a box to tick says what is missing, where screen readers hear it", () => {
  const place = document.createElement("div");
  act(() =>
    render(<Tick label="agree" ticked={false} onTick={() => {}} wrong="please tick" testid="t" />, place),
  );
  expect(place.querySelector("[role=alert]")?.textContent).toBe("please tick");
  expect(place.querySelector("input")?.getAttribute("aria-invalid")).toBe("true");
});

it("a watch counts down to zero and never below", () => {
  expect([125, 60, 59.2, 0.4, 0, -3].map(watch)).toEqual(["2:05", "1:00", "1:00", "0:01", "0:00", "0:00"]);
});
