/**
 * One tab at a time: two that record, or that send the same outbox, would be in each other's way.
 *
 * The browser's own lock decides (it goes when a tab closes or crashes). A second tab waits for it, and may ask for it:
 * the first gives it up unless a track is playing there. Where a browser has no locks (pages without TLS on another
 * machine) the tabs ask each other.
 */

import { type ReadonlySignal, signal } from "@preact/signals";

/** "mine": this tab is the one. "other": another tab is; "playing": and a track plays there. */
export type Place = "asking" | "mine" | "other" | "playing";

type Message =
  | { readonly say: "give" }
  | { readonly say: "playing" }
  | { readonly say: "here?" }
  | { readonly say: "here" };

const ANSWER_MS = 400;

export class OneTab {
  readonly place: ReadonlySignal<Place>;
  private readonly current = signal<Place>("asking");
  private readonly channel: BroadcastChannel;
  private release: (() => void) | null = null;

  /**
   * @param busy whether a track plays in this tab, which then keeps its place.
   */
  constructor(
    private readonly name: string,
    private readonly busy: () => boolean,
    private readonly locks: LockManager | undefined = navigator.locks,
  ) {
    this.place = this.current;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = (message: MessageEvent<Message>) => this.heard(message.data);
  }

  /** Takes the place if it is free, else waits for it. Resolves when it is known which. */
  async ask(): Promise<void> {
    if (!this.locks) return this.askOthers();
    const locks = this.locks;
    const free = await new Promise<boolean>((resolve) => {
      void locks.request(this.name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock ? this.hold() : undefined;
      });
    });
    if (free) return;
    this.current.value = "other";
    void locks.request(this.name, () => this.hold());
  }

  /** Asks the other tab to give its place to this one. */
  take(): void {
    if (this.current.value === "mine") return;
    this.current.value = "other";
    this.say({ say: "give" });
    if (!this.locks) setTimeout(() => this.current.value === "other" && void this.hold(), ANSWER_MS);
  }

  /** Leaves the place and the channel. */
  close(): void {
    this.channel.close();
    this.release?.();
  }

  private hold(): Promise<void> {
    this.current.value = "mine";
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }

  private async askOthers(): Promise<void> {
    this.say({ say: "here?" });
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    if (this.current.value === "asking") void this.hold();
  }

  private heard(message: Message): void {
    const mine = this.current.value === "mine";
    if (message.say === "here?" && mine) this.say({ say: "here" });
    if (message.say === "here" && !mine) this.current.value = "other";
    if (message.say === "playing" && !mine) this.current.value = "playing";
    if (message.say === "give" && mine) this.give();
  }

  private give(): void {
    if (this.busy()) {
      this.say({ say: "playing" });
      return;
    }
    this.current.value = "other";
    this.release?.();
    this.release = null;
    // In line behind the tab that asked: when that one closes, this one has the place again.
    if (this.locks) setTimeout(() => void this.locks?.request(this.name, () => this.hold()), ANSWER_MS);
  }

  private say(message: Message): void {
    this.channel.postMessage(message);
  }
}
