import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import type { Me, StudyInfo, Trial } from "../api/schema.gen";
import { Outbox } from "../core/outbox";
import type { LoadedTrack, Player, Playing } from "../core/player";
import { MemoryStore } from "../core/store";
import { AnnotatorModel } from "./model";
import type { Server } from "./server";

const STUDY = {
  name: "a study",
  terms: [],
  sample_rate_hz: 20,
  batch_interval_s: 2,
  reset_s: 15,
  daily_cap_s: 3600,
  consent_version: "c1",
} as unknown as StudyInfo;

/** A server with one annotator, three tracks and the rule that a rest of a second follows each. */
class TestServer implements Server {
  step_ = "work";
  next = 0;
  open: string | null = null;
  trials = 0;
  restUntil = 0;
  done: string[] = [];
  interrupted: string[] = [];
  posted: object[] = [];
  failing: ApiError | null = null;
  loseStart = false;
  stale = false; // the token that this tab knows is of a session before
  annotator = "a1";
  zone: string | null = "Europe/Berlin";

  async me(): Promise<Me> {
    if (this.failing) throw this.failing;
    const now = performance.now() / 1000;
    const resting = this.step_ === "work" && now < this.restUntil;
    const step = this.open ? "listening" : resting ? "rest" : this.step_;
    return {
      annotator: this.annotator,
      step,
      number: this.next + 1,
      total: 3,
      until: resting ? this.restUntil : null,
      server_time: now,
      audio:
        this.step_ === "work" ? { name: `sound${this.next}`, url: "/x", gain_db: 0, list: "work" } : null,
      open_trial: this.open ? { trial_id: this.open, started_at: 0, next_batch: 0 } : null,
      today: { listened_s: 0, cap_s: 3600, day_ends_at: null },
      verdict: null,
      timezone: this.zone,
      profile_done: true,
      paused_reason: null,
    } as unknown as Me;
  }
  study = async () => STUDY;
  time = async () => performance.now() / 1000;
  version = async () => "1.2.3";
  async step(body: { step: string }): Promise<Me> {
    this.posted.push(body);
    this.step_ = body.step === "invitation" ? "consent" : "work";
    return this.me();
  }
  async timezone(name: string): Promise<Me> {
    this.zone = name;
    return this.me();
  }
  profile = async (body: object) => void this.posted.push(body);
  async start(name: string, client: object): Promise<Trial> {
    this.posted.push(client);
    if (this.stale) throw new ApiError(403, "csrf", "load the page again");
    if (this.open || performance.now() / 1000 < this.restUntil) throw new ApiError(409, "rest", "rest");
    expect(name).toBe(`sound${this.next}`);
    this.trials += 1;
    this.open = `t${this.trials}`;
    if (this.loseStart) throw new ApiError(0, "offline", "no answer");
    return { trial_id: this.open, started_at: this.trials };
  }
  async interrupt(trial: string, reason: string): Promise<void> {
    this.interrupted.push(`${trial} ${reason}`);
    this.close(trial);
  }
  finish(trial: string): void {
    this.done.push(trial);
    this.next += 1;
    this.close(trial);
  }
  private close(trial: string): void {
    if (this.open === trial) this.open = null;
    this.restUntil = performance.now() / 1000 + 1;
  }
}

let server: TestServer;
let store: MemoryStore;
let loads: string[];
let silent: boolean;
let endSound: () => void;

function model(): AnnotatorModel {
  const outbox = new Outbox(
    store,
    {
      batch: async () => {},
      finish: async (trial) => server.finish(trial),
      interrupt: (trial, reason) => server.interrupt(trial, reason),
      renew: async () => {
        server.stale = false;
        return true;
      },
    },
    {
      now: () => performance.now(),
      later: (action, milliseconds) => {
        const timer = setTimeout(action, milliseconds);
        return () => clearTimeout(timer);
      },
      random: () => 0.5,
    },
  );
  const player = {
    unlock: async () => ({ outputLatency: 0.02, baseLatency: 0.01 }),
    load: async (name: string): Promise<LoadedTrack> => {
      loads.push(name);
      return { name, buffer: { duration: 2 } as AudioBuffer };
    },
    play: async (_track: LoadedTrack, _gain: number, onEnd: () => void): Promise<Playing> => {
      if (silent) throw new Error("the browser makes no sound");
      endSound = onEnd;
      const since = performance.now();
      return {
        durationMs: 2000,
        positionMs: () => Math.min(2000, performance.now() - since),
        latencyMs: () => 20,
        stop: () => {},
      } as unknown as Playing;
    },
  } as unknown as Player;
  const session = {
    annotator: "a1",
    role: "annotator",
    csrf_token: "x",
    study: { name: "a study", languages: ["en"] },
  };
  return new AnnotatorModel(session as AnnotatorModel["session"], outbox, player, server);
}

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance", "Date"],
  });
  vi.stubGlobal("Worker", undefined);
  server = new TestServer();
  server.zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  store = new MemoryStore();
  loads = [];
  silent = false;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("an annotator at the page", () => {
  it("takes the invitation up with the time zone, without a hand", async () => {
    server.step_ = "invitation";
    const me = model();
    await me.open();
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    expect(server.posted).toEqual([{ step: "invitation", timezone: timeZone }]);
    expect(me.me.value?.step).toBe("consent");
    await me.step("consent");
    expect(server.posted[1]).toEqual({ step: "consent", consent_version: "c1" });
  });

  it("tells the server of another time zone", async () => {
    server.zone = "Pacific/Chatham";
    await model().open();
    expect(server.zone).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
  });

  it("loads a track once, starts it, finishes it, rests, and can start the next one", async () => {
    const me = model();
    await me.open();
    await pass(10);
    expect(me.startable.value).toBe(true);
    await me.start("mouse");
    expect(me.stage.value).toBe("playing");
    expect(server.posted[0]).toMatchObject({
      program: "damer-web 1.2.3",
      device: "mouse",
      output_latency_ms: 20,
    });
    await pass(2000);
    endSound();
    expect(me.stage.value).toBe("ending");
    await pass(20);
    expect(server.done).toEqual(["t1"]);
    expect(me.stage.value).toBe("idle");
    expect(me.me.value?.step).toBe("rest");
    expect(me.startable.value).toBe(false);
    await pass(1100);
    expect(me.me.value?.step).toBe("work");
    expect(me.startable.value).toBe(true);
    expect(loads).toEqual(["sound0", "sound1"]);
  });

  it("cannot start twice at once", async () => {
    const me = model();
    await me.open();
    await pass(10);
    await Promise.all([me.start("mouse"), me.start("keyboard")]);
    expect(server.trials).toBe(1);
  });

  it("breaks a take off, says why, and can play the track again", async () => {
    const me = model();
    await me.open();
    await pass(10);
    await me.start("mouse");
    await pass(500);
    me.breakOff("annotator");
    await pass(20);
    expect(server.interrupted).toEqual(["t1 annotator"]);
    expect(me.remark.value).toBe("annotator");
    await pass(1100);
    expect(me.startable.value).toBe(true);
    expect(me.me.value?.number).toBe(1);
  });

  it("ends a trial of which only the answer was lost, so that it does not stay open", async () => {
    const me = model();
    await me.open();
    await pass(10);
    server.loseStart = true;
    await me.start("mouse");
    expect(server.interrupted).toEqual(["t1 the start was not answered"]);
    expect(me.remark.value).toBe("startFailed");
    await pass(1100);
    expect(me.startable.value).toBe(true);
  });

  it("starts at the second try where another tab opened the session anew", async () => {
    const me = model();
    await me.open();
    await pass(10);
    server.stale = true;
    await me.start("mouse");
    expect(me.remark.value).toBe("startFailed");
    expect(me.link.value).toBe("good");
    await me.start("mouse");
    expect(me.stage.value).toBe("playing");
    expect(server.trials).toBe(1);
  });

  it("ends a trial whose sound cannot be started", async () => {
    const me = model();
    await me.open();
    await pass(10);
    silent = true;
    await me.start("touch");
    await pass(20);
    expect(server.interrupted).toEqual(["t1 the sound could not be started"]);
    expect(me.stage.value).toBe("idle");
    expect(me.remark.value).toBe("startFailed");
  });

  it("leaves a take alone that plays elsewhere, and takes it over when asked", async () => {
    server.open = "of another browser";
    const me = model();
    await me.open();
    expect(me.elsewhere.value).toBe(true);
    expect(server.interrupted).toEqual([]);
    await me.takeOver();
    expect(server.interrupted).toEqual(["of another browser taken over by another page"]);
    expect(me.elsewhere.value).toBe(false);
  });

  it("tells the server of a take that an earlier page left, and the annotator too", async () => {
    await store.putTrial({
      trial: "t0",
      owner: "a study / a1",
      order: 1,
      ending: "none",
      batches: 0,
      reason: "",
    });
    server.open = "t0";
    const me = model();
    await me.open();
    expect(server.interrupted).toEqual(["t0 the page was left"]);
    expect(me.remark.value).toBe("left");
    expect(me.elsewhere.value).toBe(false);
    expect(me.me.value?.step).toBe("rest");
  });

  it("asks again until a server that is away answers", async () => {
    const me = model();
    server.failing = new ApiError(0, "offline", "no answer");
    await me.open();
    expect(me.link.value).toBe("away");
    await pass(4000);
    server.failing = null;
    await pass(4000);
    expect(me.link.value).toBe("good");
    expect(me.startable.value).toBe(true);
  });

  it("says that the server is away when a step cannot be taken, and when it is back", async () => {
    server.step_ = "consent";
    const me = model();
    await me.open();
    const { step } = server;
    server.step = () => Promise.reject(new ApiError(0, "offline", "no answer"));
    expect(await me.step("consent")).toBe(false);
    expect(me.link.value).toBe("away");
    server.step = step;
    await pass(4000);
    expect(me.link.value).toBe("good");
    expect(await me.step("consent")).toBe(true);
    expect(me.me.value?.step).toBe("work");
  });

  it("enters with UTC where the server does not know the browser's time zone", async () => {
    server.step_ = "invitation";
    const step = server.step.bind(server);
    server.step = async (body: { step: string; timezone?: string }) => {
      if (body.timezone !== "UTC") throw new ApiError(422, "invalid", "not known");
      return step(body);
    };
    const me = model();
    vi.spyOn(Intl, "DateTimeFormat").mockReturnValue({
      resolvedOptions: () => ({ timeZone: "Mars/Olympus" }),
    } as unknown as Intl.DateTimeFormat);
    await me.open();
    vi.restoreAllMocks();
    expect(me.me.value?.step).toBe("consent");
  });

  it("asks for the link when the session is lost, and goes on with it", async () => {
    const me = model();
    await me.open();
    server.failing = new ApiError(401, "session", "open your link");
    await me.refresh();
    expect(me.link.value).toBe("lost");
    server.failing = null;
    await me.revive();
    expect(me.link.value).toBe("good");
  });

  it("never takes somebody else's place for its own", async () => {
    const me = model();
    await me.open();
    server.annotator = "a2"; // somebody opened another link in this browser
    await me.refresh();
    expect(me.link.value).toBe("lost");
    expect(me.me.value?.annotator).toBe("a1");
  });
});
