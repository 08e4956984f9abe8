/**
 * One annotator at this page: where they stand, the track that comes next, and the take that is being recorded.
 *
 * The server decides what comes next; this asks, shows, and never assumes. The pages read the signals and call the actions.
 */

import { computed, signal } from "@preact/signals";
import { ApiError } from "../api/client";
import type { Me, Session, StudyInfo } from "../api/schema.gen";
import { type ClockOffset, measureOffset } from "../core/clock";
import type { Outbox, Settled } from "../core/outbox";
import type { LoadedTrack, Player, Playing } from "../core/player";
import { type Device, Pointer } from "../core/pointer";
import { type BreakReason, Run } from "../core/run";
import { Ticker } from "../core/ticker";
import { clientOf } from "./machine";
import type { Server } from "./server";

/** What happens on the stage: nothing, a start that is being asked for, music, or an ending that is being saved. */
export type Stage = "idle" | "starting" | "playing" | "ending";

/** The next track. */
export type TrackState =
  | { readonly state: "none" }
  | { readonly state: "loading" | "failed"; readonly name: string }
  | { readonly state: "ready"; readonly name: string; readonly track: LoadedTrack };

/** How the server answers: as it should, not at all, or to nobody (the session is lost). */
export type Link = "good" | "away" | "lost";

/** Something to be told once, until the next track starts. */
export type Remark = BreakReason | "notCounted" | "startFailed";

const TICK_MS = 25;
const AGAIN_MS = 3000;
const LOAD_AGAIN_MS = 4000;
const STARTABLE: readonly string[] = ["training", "retrain", "calibrate", "work"];

export class AnnotatorModel {
  readonly me = signal<Me | null>(null);
  readonly study = signal<StudyInfo | null>(null);
  readonly stage = signal<Stage>("idle");
  readonly track = signal<TrackState>({ state: "none" });
  readonly link = signal<Link>("good");
  readonly remark = signal<Remark | null>(null);
  /** When what is waited for (the rest, another day) is over, on the clock of performance.now(). */
  readonly readyAt = signal<number | null>(null);
  readonly elsewhere = signal(false);
  readonly pointer = new Pointer();
  run: Run | null = null;
  playing: Playing | null = null;

  /** Whether Start may be pressed. */
  readonly startable = computed(
    () =>
      this.stage.value === "idle" &&
      this.track.value.state === "ready" &&
      STARTABLE.includes(this.me.value?.step ?? "") &&
      this.track.value.name === this.me.value?.audio?.name,
  );

  private offset: ClockOffset | null = null;
  private version = "";
  private loading: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly ticker = new Ticker(() => this.run?.tick(performance.now()));

  constructor(
    readonly session: Session,
    readonly outbox: Outbox,
    readonly player: Player,
    private readonly server: Server,
  ) {}

  /** Whose batches these are: the same name in another study is somebody else. */
  get owner(): string {
    return `${this.session.study.name} / ${this.session.annotator}`;
  }

  /** Begins, when this tab is the one: what an earlier page left is sent first, so that the server knows it. */
  async open(): Promise<void> {
    const left = await this.outbox.open(this.owner);
    if (left.some((trial) => trial.ending !== "finish")) this.remark.value = "left";
    if (left.length > 0) this.stage.value = "ending";
    const settled = Promise.all(left.map((trial) => this.outbox.settled(trial.trial)));
    await Promise.race([settled, wait(AGAIN_MS)]);
    this.stage.value = "idle";
    await this.begin();
  }

  /** Asks the server where the annotator stands, again and again until it answers. */
  async refresh(): Promise<void> {
    try {
      this.take(await this.server.me());
    } catch (error) {
      this.failed(error);
      this.later(() => this.refresh(), AGAIN_MS);
    }
  }

  /** The link was opened again, or the network came back. */
  async revive(): Promise<void> {
    this.outbox.wake();
    if (this.stage.value !== "idle") return;
    if (this.study.value === null) await this.begin();
    else await this.refresh();
  }

  /** Takes a step that is no track. Returns whether it was taken. */
  async step(name: "consent" | "volume_check" | "training_done"): Promise<boolean> {
    const version = this.study.value?.consent_version;
    const body = name === "consent" && version ? { step: name, consent_version: version } : { step: name };
    return this.doing(async () => this.take(await this.server.step(body)));
  }

  /** Keeps what the annotator says of themselves; nothing at all is fine. Returns whether it was kept. */
  async tell(profile: Parameters<Server["profile"]>[0]): Promise<boolean> {
    return this.doing(async () => {
      await this.server.profile(profile);
      this.take(await this.server.me());
    });
  }

  /** Ends a take that another browser began, so that it can go on here. */
  async takeOver(): Promise<void> {
    const open = this.me.value?.open_trial;
    if (open) await this.doing(() => this.server.interrupt(open.trial_id, "taken over by another page"));
    await this.refresh();
  }

  /** Starts the next track. Must be called inside a click, tap, key press or button of a gamepad. */
  async start(device: Device | ""): Promise<void> {
    const next = this.track.value;
    if (!this.startable.value || next.state !== "ready") return;
    this.stage.value = "starting";
    this.remark.value = null;
    let begun = "";
    try {
      const context = await this.player.unlock();
      const client = clientOf(this.version, device, context, this.offset);
      const trial = await this.server.start(next.track.name, client);
      await this.outbox.begin(trial.trial_id, trial.started_at);
      begun = trial.trial_id;
      await this.play(trial.trial_id, next.track, device);
    } catch (error) {
      await this.startFailed(error, begun);
    }
  }

  /** Breaks the take off that is playing. */
  breakOff(reason: BreakReason): void {
    this.run?.breakOff(reason, performance.now());
  }

  /** Fetches the track again that could not be loaded. */
  reload(): void {
    this.track.value = { state: "none" };
    this.prepare();
  }

  private async begin(): Promise<void> {
    try {
      this.study.value ??= await this.server.study();
      this.version ||= await this.server.version();
      this.offset ??= await measureOffset(() => this.server.time());
      this.take(await this.settled(await this.server.me()));
    } catch (error) {
      this.failed(error);
      this.later(() => this.begin(), AGAIN_MS);
    }
  }

  /** Before each track: clocks drift apart, and some stop while a machine sleeps. */
  private async measure(): Promise<void> {
    try {
      this.offset = await measureOffset(() => this.server.time(), undefined, 3);
    } catch {
      // The last measurement stands.
    }
  }

  /** Invitation and time zone need nobody's hand. */
  private async settled(me: Me): Promise<Me> {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    if (me.step === "invitation") {
      return this.server.step({ step: "invitation", timezone: zone }).catch((error: unknown) => {
        // A zone that the server's tables do not know: days are counted in UTC until it does.
        if (!(error instanceof ApiError) || error.status !== 422) throw error;
        return this.server.step({ step: "invitation", timezone: "UTC" });
      });
    }
    if (me.timezone !== null && me.timezone !== zone) return this.server.timezone(zone).catch(() => me);
    return me;
  }

  private take(me: Me): void {
    if (me.annotator !== this.session.annotator) {
      this.link.value = "lost"; // somebody else's link was opened in this browser
      return;
    }
    this.link.value = "good";
    this.me.value = me;
    this.readyAt.value = me.until === null ? null : performance.now() + (me.until - me.server_time) * 1000;
    if (me.step === "listening") void this.listening(me);
    else this.elsewhere.value = false;
    if (me.step === "judgement") this.later(() => this.refresh(), 1000);
    if (me.step === "paused") this.later(() => this.refresh(), 30_000);
    if (me.until !== null && (me.step === "rest" || me.step === "done_for_today")) {
      this.later(() => this.refresh(), (me.until - me.server_time) * 1000 + 30);
    }
    if (STARTABLE.includes(me.step) || me.step === "rest") this.prepare();
  }

  /** A track plays, says the server. If it is not played here, its ending is still on its way, or it is elsewhere. */
  private async listening(me: Me): Promise<void> {
    if (this.stage.value !== "idle") return;
    const ending = me.open_trial ? this.outbox.settled(me.open_trial.trial_id) : null;
    this.elsewhere.value = ending === null;
    if (ending) this.ending(ending);
    else this.later(() => this.refresh(), AGAIN_MS);
  }

  /** Loads the next track whole, once. */
  private prepare(): void {
    const audio = this.me.value?.audio;
    const now = this.track.value;
    if (!audio || (now.state !== "none" && now.name === audio.name)) return;
    this.loading?.abort();
    this.loading = new AbortController();
    const { signal: cancelled } = this.loading;
    const { name } = audio;
    void this.measure();
    this.track.value = { state: "loading", name };
    this.player.load(name, audio.url, cancelled).then(
      (track) => {
        if (!cancelled.aborted) this.track.value = { state: "ready", name, track };
      },
      () => {
        if (cancelled.aborted) return;
        this.track.value = { state: "failed", name };
        setTimeout(() => this.track.value.state === "failed" && this.reload(), LOAD_AGAIN_MS);
      },
    );
  }

  private async play(trial: string, track: LoadedTrack, device: Device | ""): Promise<void> {
    const study = this.study.value;
    if (!study) throw new Error("the study is not known");
    this.pointer.reset();
    this.pointer.device = device;
    // Who starts by keys or by a stick begins in the centre, and sees it; a mouse is where it is, a finger nowhere yet.
    const centred = device === "keyboard" || device === "gamepad";
    if (centred) this.pointer.moveTo(0, 0, performance.now(), device);
    const gain = this.me.value?.audio?.gain_db ?? 0;
    this.playing = await this.player.play(track, gain, () => this.run?.end(performance.now()));
    const pace = { sampleRateHz: study.sample_rate_hz, batchIntervalMs: study.batch_interval_s * 1000 };
    const run = new Run(trial, this.playing, this.pointer, this.outbox, pace, () => this.ended(run));
    this.run = run;
    run.begin(performance.now());
    this.ticker.start(TICK_MS);
    this.stage.value = "playing";
  }

  private ended(run: Run): void {
    this.ticker.stop();
    this.remark.value = run.broken;
    this.track.value = { state: "none" };
    this.run = null;
    this.playing = null;
    this.ending(run.settled);
  }

  private ending(settled: Promise<Settled>): void {
    this.stage.value = "ending";
    void settled.then(async (outcome) => {
      if (outcome.ended === "refused") this.remark.value = "notCounted";
      await this.refresh();
      this.stage.value = "idle";
      this.prepare();
    });
  }

  /** `begun`: the trial of which nothing can be heard, where there is one already. */
  private async startFailed(error: unknown, begun: string): Promise<void> {
    this.remark.value = "startFailed";
    if (error instanceof ApiError) this.failed(error);
    // Another tab opened the link again: with the new session's token Start can be pressed once more.
    if (error instanceof ApiError && error.code === "csrf") await this.outbox.renew();
    if (begun) return this.ending(this.outbox.interrupt(begun, "the sound could not be started"));
    try {
      const { open_trial: open } = await this.server.me();
      // The server may have begun the trial and only its answer was lost; nothing was heard of it.
      if (open && !this.outbox.settled(open.trial_id)) {
        await this.server.interrupt(open.trial_id, "the start was not answered");
      }
    } catch {
      // `refresh` says so and asks again.
    }
    this.stage.value = "idle";
    await this.refresh();
  }

  private async doing(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      this.failed(error);
      if (this.link.value === "away") this.later(() => this.refresh(), AGAIN_MS);
      else if (error instanceof ApiError && error.status === 409) await this.refresh();
      return false;
    }
  }

  private failed(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401 || error.status === 403) this.link.value = "lost";
    else if (error.passing) this.link.value = "away";
  }

  private later(action: () => Promise<void>, milliseconds: number): void {
    if (this.timer !== null) clearTimeout(this.timer);
    const soonest = Math.min(Math.max(0, milliseconds), 3_600_000); // longer timers are not kept exactly
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.stage.value === "idle") void action();
    }, soonest);
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
