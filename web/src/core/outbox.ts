/**
 * Nothing recorded is lost: every batch is kept in the browser before it is sent, and until the server has committed it.
 *
 * Batches go up one after another, oldest trial first, and then the trial's ending. Where the server or the network is
 * away they wait, and are tried again ever more seldom; where the session was lost they wait for the link. A batch that
 * was acknowledged leaves the browser's database, but stays in memory until the ending is answered: a server that came
 * back from a backup may ask for it again.
 */

import { signal } from "@preact/signals";
import type { Sample } from "./sampler";
import type { Store, StoredBatch, StoredTrial, TrialEvent } from "./store";

/** What the annotator is told. `retryAt`: when it is tried again, on the clock of performance.now(). */
export interface OutboxView {
  readonly state: "saved" | "saving" | "offline" | "signed-out";
  readonly waiting: number;
  readonly refused: number;
  readonly retryAt: number | null;
  readonly durable: boolean;
}

/** How requests fail, as ApiError says it. Status 0: no answer. */
export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly missing: readonly number[];
}

/** Brings things to the server; each fails with a Failure. */
export interface Transport {
  batch(
    trial: string,
    number: number,
    samples: readonly Sample[],
    events: readonly TrialEvent[],
  ): Promise<void>;
  finish(trial: string, batches: number): Promise<void>;
  interrupt(trial: string, reason: string): Promise<void>;
  /** Asks whether the session still stands, and takes its present token. */
  renew(): Promise<boolean>;
}

/** The passing of time, so that tests can pass it. */
export interface Timing {
  now(): number;
  later(action: () => void, milliseconds: number): () => void;
  random(): number;
}

/** How a trial's ending was taken: counted, told to the server as broken off, or refused with a code. */
export type Settled =
  | { readonly ended: "finished" | "interrupted" }
  | { readonly ended: "refused"; readonly code: string };

export const FIRST_WAIT_MS = 1000;
export const LONGEST_WAIT_MS = 15_000;

interface Kept {
  trial: StoredTrial;
  waiting: Map<number, StoredBatch>;
  acknowledged: Map<number, StoredBatch>;
  settle: (outcome: Settled) => void;
  settled: Promise<Settled>;
}

export class Outbox {
  readonly view = signal<OutboxView>({
    state: "saved",
    waiting: 0,
    refused: 0,
    retryAt: null,
    durable: true,
  });

  private owner = "";
  private readonly kept = new Map<string, Kept>();
  private sending = false;
  private failures = 0;
  private retryAt: number | null = null;
  private cancelRetry: (() => void) | null = null;
  private signedOut = false;
  private renewed = false; // since something was last sent, or since it was last tried again
  private away = false; // no answer, or a server in trouble; "too many" and "too early" are answers
  private refused = 0;
  private durable: boolean;

  constructor(
    private readonly store: Store,
    private readonly transport: Transport,
    private readonly timing: Timing,
    durable = true,
  ) {
    this.durable = durable;
    this.tell();
  }

  /**
   * Takes up what an earlier page of the same annotator left, and begins to send it. Only one page may do this at a time.
   *
   * Trials that were playing when that page went away are told to the server as interrupted; those that had been heard to
   * their end are finished.
   *
   * @returns the trials that were left.
   */
  async open(owner: string): Promise<readonly StoredTrial[]> {
    this.owner = owner;
    this.refused = 0;
    const [trials, batches] = await Promise.all([this.store.trials(owner), this.store.batches(owner)]);
    for (const trial of trials) {
      if (this.kept.has(trial.trial)) continue;
      const ended = trial.ending !== "none";
      const left: StoredTrial = ended
        ? trial
        : { ...trial, ending: "interrupt", reason: "the page was left" };
      this.keep(left);
      if (!ended) await this.write(() => this.store.putTrial(left));
    }
    for (const batch of batches) {
      if (batch.refused !== undefined) {
        this.refused += 1;
        continue;
      }
      // Batches may outlive the record of their trial: its ending was answered before they were.
      const kept = this.kept.get(batch.trial) ?? this.keep(ended(batch.trial, owner));
      if (!kept.acknowledged.has(batch.number)) kept.waiting.set(batch.number, { ...batch, sealed: true });
    }
    this.tell();
    void this.pump();
    return trials;
  }

  /** A trial has begun at the server. */
  async begin(trial: string, order: number): Promise<void> {
    const record: StoredTrial = { trial, owner: this.owner, order, ending: "none", batches: 0, reason: "" };
    this.keep(record);
    await this.write(() => this.store.putTrial(record));
  }

  /** Keeps what there is of a batch that still grows. */
  async draft(
    trial: string,
    number: number,
    samples: readonly Sample[],
    events: readonly TrialEvent[],
  ): Promise<void> {
    const batch = { trial, number, owner: this.owner, sealed: false, samples, events };
    await this.write(() => this.store.putBatch(batch));
  }

  /** Keeps a whole batch, then sends it. */
  async seal(
    trial: string,
    number: number,
    samples: readonly Sample[],
    events: readonly TrialEvent[],
  ): Promise<void> {
    const batch = { trial, number, owner: this.owner, sealed: true, samples, events };
    const kept = this.kept.get(trial);
    if (!kept) throw new Error(`trial ${trial} has not begun here`);
    await this.write(() => this.store.putBatch(batch));
    kept.waiting.set(number, batch);
    this.tell();
    void this.pump();
  }

  /** The track was heard to its end and has so many batches. Resolves when the server has answered, however late. */
  async finish(trial: string, batches: number): Promise<Settled> {
    return this.end(trial, { ending: "finish", batches });
  }

  /** The track was broken off. Resolves when the server has answered. */
  async interrupt(trial: string, reason: string): Promise<Settled> {
    return this.end(trial, { ending: "interrupt", reason });
  }

  /** Takes the present token of the session, which another tab may have opened anew. Returns whether it stands. */
  async renew(): Promise<boolean> {
    return this.transport.renew().catch(() => false);
  }

  /** How a trial ended, once the server has answered; null for a trial that is not kept here. */
  settled(trial: string): Promise<Settled> | null {
    return this.kept.get(trial)?.settled ?? null;
  }

  /** Tries again now: the network came back, the link was opened again, or somebody asked. */
  wake(): void {
    this.cancelRetry?.();
    this.cancelRetry = null;
    this.retryAt = null;
    this.renewed = false;
    void this.pump();
  }

  private async end(trial: string, ending: Partial<StoredTrial>): Promise<Settled> {
    const kept = this.kept.get(trial);
    if (!kept) throw new Error(`trial ${trial} has not begun here`);
    const record = { ...kept.trial, ...ending };
    await this.write(() => this.store.putTrial(record));
    kept.trial = record;
    this.tell();
    void this.pump();
    return kept.settled;
  }

  private keep(trial: StoredTrial): Kept {
    let settle: (outcome: Settled) => void = () => {};
    const settled = new Promise<Settled>((resolve) => {
      settle = resolve;
    });
    const kept = { trial, waiting: new Map(), acknowledged: new Map(), settle, settled };
    this.kept.set(trial.trial, kept);
    return kept;
  }

  /** Sends all that waits, one after another, until nothing is left or something is in the way. */
  private async pump(): Promise<void> {
    if (this.sending || this.retryAt !== null) return;
    this.sending = true;
    try {
      for (let task = this.nextTask(); task; task = this.nextTask()) {
        try {
          await task();
          this.failures = 0;
          this.renewed = false;
          this.signedOut = false;
          this.away = false;
        } catch (error) {
          if (!(await this.goesOnAfter(error))) break;
        }
        this.tell();
      }
    } finally {
      this.sending = false;
      this.tell();
    }
  }

  private nextTask(): (() => Promise<void>) | null {
    const trials = [...this.kept.values()].sort((a, b) => a.trial.order - b.trial.order);
    for (const kept of trials) {
      const number = Math.min(...kept.waiting.keys());
      const batch = kept.waiting.get(number);
      if (batch) return () => this.sendBatch(kept, batch);
      if (kept.trial.ending === "finish") return () => this.sendFinish(kept);
      if (kept.trial.ending === "interrupt") return () => this.sendInterrupt(kept);
    }
    return null;
  }

  private async sendBatch(kept: Kept, batch: StoredBatch): Promise<void> {
    try {
      await this.transport.batch(batch.trial, batch.number, batch.samples, batch.events);
    } catch (error) {
      const failure = asFailure(error);
      if (!isFinal(failure)) throw failure;
      // No repetition will change the answer: it is set aside, not thrown away, and the others go on.
      this.refused += 1;
      kept.waiting.delete(batch.number);
      await this.write(() => this.store.putBatch({ ...batch, refused: `${failure.status} ${failure.code}` }));
      this.forget(kept);
      return;
    }
    kept.waiting.delete(batch.number);
    kept.acknowledged.set(batch.number, batch);
    await this.write(() => this.store.dropBatch(batch.trial, batch.number));
    this.forget(kept);
  }

  private async sendFinish(kept: Kept): Promise<void> {
    const { trial, batches } = kept.trial;
    try {
      await this.transport.finish(trial, batches);
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code === "missing") return this.sendAgain(kept, failure.missing);
      if (!isFinal(failure)) throw failure;
      const over = failure.code === "over"; // it had been taken before; only the answer was lost
      return this.close(kept, over ? { ended: "finished" } : { ended: "refused", code: failure.code });
    }
    return this.close(kept, { ended: "finished" });
  }

  private async sendInterrupt(kept: Kept): Promise<void> {
    try {
      await this.transport.interrupt(kept.trial.trial, kept.trial.reason);
    } catch (error) {
      const failure = asFailure(error);
      if (!isFinal(failure)) throw failure;
    }
    return this.close(kept, { ended: "interrupted" });
  }

  /** The server lacks batches that it had, or that were never sent: they go up again, and then the ending. */
  private async sendAgain(kept: Kept, missing: readonly number[]): Promise<void> {
    const found = missing.map((number) => kept.acknowledged.get(number));
    const whole = missing.length > 0 && found.every((batch) => batch !== undefined);
    if (!whole) {
      // This page never saw them (it was reloaded since): the take has a hole and is played again.
      kept.trial = { ...kept.trial, ending: "interrupt", reason: "batches are missing" };
      await this.write(() => this.store.putTrial(kept.trial));
      return;
    }
    for (const batch of found) {
      if (!batch) continue;
      await this.write(() => this.store.putBatch(batch));
      kept.waiting.set(batch.number, batch);
    }
  }

  private async close(kept: Kept, outcome: Settled): Promise<void> {
    await this.write(() => this.store.dropTrial(kept.trial.trial));
    kept.trial = { ...kept.trial, ending: "none" };
    this.kept.delete(kept.trial.trial);
    kept.settle(outcome);
  }

  /** Trials whose record is gone are only here for their batches. */
  private forget(kept: Kept): void {
    if (kept.trial.batches < 0 && kept.waiting.size === 0) this.kept.delete(kept.trial.trial);
  }

  /** Returns whether sending goes on at once; else it waits for a time or for the link. */
  private async goesOnAfter(error: unknown): Promise<boolean> {
    const failure = asFailure(error);
    this.failures += 1;
    this.away = failure.status === 0 || failure.status >= 500;
    if (failure.status === 401 || failure.status === 403) {
      const first = !this.renewed; // a token that is refused although it is new is not asked for again at once
      this.renewed = true;
      if (first && (await this.renew())) return true;
      this.signedOut = true;
    }
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.failures - 1));
    const milliseconds = wait * (0.8 + 0.4 * this.timing.random());
    this.retryAt = this.timing.now() + milliseconds;
    this.cancelRetry = this.timing.later(() => this.wake(), milliseconds);
    return false;
  }

  private async write(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch {
      // The disk is full, or the database was taken away: it is still sent from memory, and the page says so.
      this.durable = false;
      this.tell();
    }
  }

  private tell(): void {
    let waiting = 0;
    for (const kept of this.kept.values()) {
      waiting += kept.waiting.size + (kept.trial.ending === "none" ? 0 : 1);
    }
    const offline = this.away && waiting > 0;
    const state =
      this.signedOut && waiting > 0 ? "signed-out" : offline ? "offline" : waiting > 0 ? "saving" : "saved";
    const view = {
      state,
      waiting,
      refused: this.refused,
      retryAt: this.retryAt,
      durable: this.durable,
    } as const;
    const before = this.view.value;
    const same = (Object.keys(view) as (keyof OutboxView)[]).every((key) => view[key] === before[key]);
    if (!same) this.view.value = view;
  }
}

/** The record of a trial that has ended already and of which only batches are left. */
function ended(trial: string, owner: string): StoredTrial {
  return { trial, owner, order: 0, ending: "none", batches: -1, reason: "" };
}

/** Whether the same request would get the same answer for ever. Too early and too many are not final. */
function isFinal(failure: Failure): boolean {
  if (failure.code === "early") return false;
  return failure.status >= 400 && failure.status < 500 && ![401, 403, 408, 425, 429].includes(failure.status);
}

function asFailure(error: unknown): Failure {
  if (typeof error === "object" && error !== null && "status" in error && "code" in error)
    return error as Failure;
  return { status: 0, code: "offline", missing: [] };
}
