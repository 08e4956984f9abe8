import { beforeEach, describe, expect, it } from "vitest";
import { LONGEST_WAIT_MS, Outbox, type Timing, type Transport } from "./outbox";
import type { Sample } from "./sampler";
import { BrowserStore, MemoryStore, type Store } from "./store";

/** A server that can be away, slow to answer, or signed out; like the real one it takes each batch once. */
class Server implements Transport {
  readonly batches = new Map<string, string>();
  readonly arrivals: string[] = [];
  readonly finished: string[] = [];
  readonly interrupted: string[] = [];
  status: number | null = null; // what it answers instead of working; 0: nothing
  loseAnswers = 0; // it commits, and the answer is lost on the way
  renewals = 0;
  renews = false;

  async batch(trial: string, number: number, samples: readonly Sample[]): Promise<void> {
    this.arrivals.push(`${trial} ${number}`);
    this.refuse();
    const content = JSON.stringify(samples);
    const stored = this.batches.get(`${trial} ${number}`);
    if (stored !== undefined && stored !== content) throw { status: 409, code: "conflict", missing: [] };
    this.batches.set(`${trial} ${number}`, content);
    this.lose();
  }

  async finish(trial: string, batches: number): Promise<void> {
    this.refuse();
    if (this.finished.includes(trial)) throw { status: 409, code: "over", missing: [] };
    const missing = [...Array(batches).keys()].filter((number) => !this.batches.has(`${trial} ${number}`));
    if (missing.length > 0) throw { status: 409, code: "missing", missing };
    this.finished.push(trial);
    this.lose();
  }

  async interrupt(trial: string): Promise<void> {
    this.refuse();
    this.interrupted.push(trial);
  }

  async renew(): Promise<boolean> {
    this.renewals += 1;
    if (this.renews) this.status = null;
    return this.renews;
  }

  /** From now on some requests go wrong in one way or another, or none do. */
  fail(random: () => number): void {
    this.status = random() < 0.4 ? ([0, 500, 503, 429][Math.floor(random() * 4)] ?? 0) : null;
    this.loseAnswers = random() < 0.3 ? 1 : 0;
  }

  private refuse(): void {
    if (this.status === 0) throw new TypeError("failed to fetch");
    if (this.status !== null) throw { status: this.status, code: "refused", missing: [] };
  }

  private lose(): void {
    if (this.loseAnswers === 0) return;
    this.loseAnswers -= 1;
    throw new TypeError("failed to fetch");
  }
}

/** Time that passes when the test says so. */
class TestTiming implements Timing {
  time = 0;
  private alarms: { at: number; action: () => void }[] = [];
  now = () => this.time;
  random = () => 0.5;
  later = (action: () => void, milliseconds: number) => {
    const alarm = { at: this.time + milliseconds, action };
    this.alarms.push(alarm);
    return () => {
      this.alarms = this.alarms.filter((other) => other !== alarm);
    };
  };

  async pass(milliseconds: number): Promise<void> {
    await quiet();
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = this.alarms.filter((alarm) => alarm.at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.alarms = this.alarms.filter((alarm) => alarm !== next);
      this.time = next.at;
      next.action();
      await quiet();
    }
    this.time = end;
  }
}

/** Lets promises and the browser's database come to rest. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Park and Miller's generator: the same numbers in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

const samplesOf = (number: number): Sample[] => [[number * 40, number * 2000, number * 2000.5, 0.1, -0.2, 1]];
let server: Server;
let timing: TestTiming;
let name = 0;

beforeEach(() => {
  server = new Server();
  timing = new TestTiming();
  name += 1;
});

async function browserOutbox(): Promise<{ outbox: Outbox; store: BrowserStore }> {
  const store = await BrowserStore.open(`outbox-${name}`);
  return { outbox: new Outbox(store, server, timing), store };
}

async function takeOf(outbox: Outbox, trial: string, batches: number, order = 1): Promise<void> {
  await outbox.begin(trial, order);
  for (let number = 0; number < batches; number += 1) await outbox.seal(trial, number, samplesOf(number), []);
}

describe("the outbox", () => {
  it("keeps a batch before it is sent and drops it once it is acknowledged", async () => {
    const { outbox, store } = await browserOutbox();
    await outbox.open("a1");
    server.status = 0;
    await takeOf(outbox, "t1", 1);
    await quiet();
    expect((await store.batches("a1")).map((batch) => batch.number)).toEqual([0]);
    expect(outbox.view.value).toMatchObject({ state: "offline", waiting: 1 });
    server.status = null;
    await timing.pass(1200);
    expect(server.batches.get("t1 0")).toBe(JSON.stringify(samplesOf(0)));
    expect(await store.batches("a1")).toEqual([]);
    expect(outbox.view.value).toMatchObject({ state: "saved", waiting: 0, retryAt: null });
  });

  it("waits ever longer between attempts, up to a limit, and not at all when woken", async () => {
    const { outbox } = await browserOutbox();
    await outbox.open("a1");
    server.status = 503;
    await takeOf(outbox, "t1", 1);
    const attempts: number[] = [];
    for (let second = 0; second < 90; second += 1) {
      const before = server.arrivals.length;
      await timing.pass(1000);
      if (server.arrivals.length > before) attempts.push(timing.time / 1000);
    }
    const gaps = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    expect(gaps.slice(0, 3)).toEqual([2, 4, 8]);
    expect(Math.max(...gaps)).toBe(LONGEST_WAIT_MS / 1000);
    server.status = null;
    outbox.wake();
    await quiet();
    expect(outbox.view.value.state).toBe("saved");
  });

  it("goes on with a batch whose acknowledgement was lost, and the server has it once", async () => {
    const { outbox } = await browserOutbox();
    await outbox.open("a1");
    server.loseAnswers = 1;
    await takeOf(outbox, "t1", 3);
    await timing.pass(5000);
    expect(server.arrivals.filter((arrival) => arrival === "t1 0")).toHaveLength(2);
    expect([...server.batches.keys()]).toEqual(["t1 0", "t1 1", "t1 2"]);
  });

  it("finishes only after all batches, and is settled then", async () => {
    const { outbox, store } = await browserOutbox();
    await outbox.open("a1");
    server.status = 0;
    await takeOf(outbox, "t1", 4);
    const settled = outbox.finish("t1", 4);
    await timing.pass(30_000);
    expect(server.finished).toEqual([]);
    expect(outbox.view.value.waiting).toBe(5);
    server.status = null;
    await timing.pass(20_000);
    expect(await settled).toEqual({ ended: "finished" });
    expect(server.finished).toEqual(["t1"]);
    expect(await store.trials("a1")).toEqual([]);
  });

  it("takes a finish whose answer was lost as finished", async () => {
    const { outbox } = await browserOutbox();
    await outbox.open("a1");
    await takeOf(outbox, "t1", 1);
    await quiet();
    server.loseAnswers = 1;
    const settled = outbox.finish("t1", 1);
    await timing.pass(3000);
    expect(await settled).toEqual({ ended: "finished" });
    expect(server.finished).toEqual(["t1"]);
  });

  it("sends again what a finish says is missing", async () => {
    const { outbox } = await browserOutbox();
    await outbox.open("a1");
    await takeOf(outbox, "t1", 5);
    await quiet();
    server.batches.delete("t1 1"); // a server that came back from a backup
    server.batches.delete("t1 4");
    expect(await outbox.finish("t1", 5)).toEqual({ ended: "finished" });
    expect([...server.batches.keys()].sort()).toEqual(["t1 0", "t1 1", "t1 2", "t1 3", "t1 4"]);
  });

  it("gives a take up when missing batches are nowhere any more", async () => {
    const first = await browserOutbox();
    await first.outbox.open("a1");
    await takeOf(first.outbox, "t1", 2);
    await quiet();
    server.status = 0;
    void first.outbox.finish("t1", 2);
    await quiet();
    first.store.close();
    server.batches.clear();
    server.status = null;
    const second = await browserOutbox(); // reloaded: acknowledged batches are forgotten here
    await second.outbox.open("a1");
    await timing.pass(5000);
    expect(server.interrupted).toEqual(["t1"]);
    expect(second.outbox.view.value.state).toBe("saved");
  });

  it("waits until a track may have been heard when the server finds it early", async () => {
    const { outbox } = await browserOutbox();
    await outbox.open("a1");
    await takeOf(outbox, "t1", 1);
    const finish = server.finish.bind(server);
    let early = 2;
    server.finish = async (trial, batches) => {
      if (early > 0) {
        early -= 1;
        throw { status: 409, code: "early", missing: [] };
      }
      return finish(trial, batches);
    };
    const settled = outbox.finish("t1", 1);
    await quiet();
    expect(outbox.view.value.state).toBe("saving"); // the server is there: nobody is offline
    await timing.pass(6000);
    expect(await settled).toEqual({ ended: "finished" });
  });
});

describe("after a crash", () => {
  it("what was recorded goes up, growing batches too, and the trial is told as interrupted", async () => {
    const first = await browserOutbox();
    await first.outbox.open("a1");
    server.status = 0;
    await takeOf(first.outbox, "t1", 2);
    await first.outbox.draft("t1", 2, samplesOf(2), []);
    await first.outbox.draft("t1", 2, [...samplesOf(2), ...samplesOf(3)], []);
    first.store.close(); // the tab is gone; nothing else is told to anybody
    server.status = null;
    const second = await browserOutbox();
    const left = await second.outbox.open("a1");
    expect(left.map((trial) => trial.trial)).toEqual(["t1"]);
    await quiet();
    expect([...server.batches.keys()]).toEqual(["t1 0", "t1 1", "t1 2"]);
    expect(server.batches.get("t1 2")).toBe(JSON.stringify([...samplesOf(2), ...samplesOf(3)]));
    expect(server.interrupted).toEqual(["t1"]);
    expect(await second.store.batches("a1")).toEqual([]);
    expect(await second.store.trials("a1")).toEqual([]);
  });

  it("a track that had been heard to its end is finished, not broken off", async () => {
    const first = await browserOutbox();
    await first.outbox.open("a1");
    server.status = 0;
    await takeOf(first.outbox, "t1", 3);
    void first.outbox.finish("t1", 3);
    await quiet();
    first.store.close();
    server.status = null;
    const second = await browserOutbox();
    await second.outbox.open("a1");
    await quiet();
    expect(server.finished).toEqual(["t1"]);
    expect(server.interrupted).toEqual([]);
  });

  it("leaves alone what belongs to somebody else in the same browser", async () => {
    const first = await browserOutbox();
    await first.outbox.open("a1");
    server.status = 0;
    await takeOf(first.outbox, "t1", 2);
    first.store.close();
    server.status = null;
    const other = await browserOutbox();
    await other.outbox.open("a2");
    await quiet();
    expect(server.batches.size).toBe(0);
    expect(await other.store.batches("a1")).toHaveLength(2);
    await other.outbox.open("a1");
    await quiet();
    expect(server.batches.size).toBe(2);
  });

  it("loses nothing and doubles nothing, whatever fails in whatever order", async () => {
    const random = randomFrom(7);
    const wanted = new Map<string, string>();
    let { outbox, store } = await browserOutbox();
    await outbox.open("a1");
    for (let trial = 0; trial < 6; trial += 1) {
      const id = `t${trial}`;
      await outbox.begin(id, trial);
      for (let number = 0; number < 8; number += 1) {
        server.fail(random);
        wanted.set(`${id} ${number}`, JSON.stringify(samplesOf(number)));
        await outbox.seal(id, number, samplesOf(number), []);
        if (random() < 0.5) await timing.pass(700 * random());
      }
      void outbox.finish(id, 8);
      await quiet();
      if (random() < 0.7) {
        store.close(); // crash and reload
        timing = new TestTiming();
        ({ outbox, store } = await browserOutbox());
        await outbox.open("a1");
      }
    }
    server.status = null;
    server.loseAnswers = 0;
    await timing.pass(60_000);
    expect(new Map([...server.batches].sort())).toEqual(new Map([...wanted].sort()));
    expect([...server.finished].sort()).toEqual(["t0", "t1", "t2", "t3", "t4", "t5"]);
    expect(outbox.view.value).toMatchObject({ state: "saved", waiting: 0, refused: 0 });
    expect(await store.batches("a1")).toEqual([]);
  }, 20_000);
});

describe("where something is in the way", () => {
  it("a lost session keeps everything and asks for the link; with the link it goes on", async () => {
    const { outbox, store } = await browserOutbox();
    await outbox.open("a1");
    server.status = 401;
    await takeOf(outbox, "t1", 2);
    await timing.pass(4000);
    expect(outbox.view.value).toMatchObject({ state: "signed-out", waiting: 2 });
    expect(await store.batches("a1")).toHaveLength(2);
    server.status = null;
    outbox.wake();
    await quiet();
    expect(outbox.view.value).toMatchObject({ state: "saved", waiting: 0 });
  });

  it("a token that grew old is renewed without a word", async () => {
    const { outbox } = await browserOutbox();
    await outbox.open("a1");
    server.status = 403;
    server.renews = true;
    await takeOf(outbox, "t1", 1);
    await quiet();
    expect(server.renewals).toBe(1);
    expect(outbox.view.value.state).toBe("saved");
  });

  it("a session that another tab opened meanwhile is taken up, also after many failures", async () => {
    const { outbox } = await browserOutbox();
    await outbox.open("a1");
    server.status = 401;
    await takeOf(outbox, "t1", 1);
    await timing.pass(20_000);
    expect(outbox.view.value.state).toBe("signed-out");
    server.status = 403; // the cookie is the new session's, the token is still the old one's
    server.renews = true;
    await timing.pass(20_000);
    expect(outbox.view.value.state).toBe("saved");
  });

  it("a token that is refused although it is new does not make it try without a pause", async () => {
    const { outbox } = await browserOutbox();
    await outbox.open("a1");
    server.status = 403;
    server.renew = async () => {
      server.renewals += 1;
      return true;
    };
    await takeOf(outbox, "t1", 1);
    await timing.pass(500);
    expect(server.renewals).toBe(1);
    expect(outbox.view.value.state).toBe("signed-out");
  });

  it("a batch that the server will never take is set aside, not thrown away, and the others go on", async () => {
    const { outbox, store } = await browserOutbox();
    await outbox.open("a1");
    server.batches.set("t1 0", "something else");
    await takeOf(outbox, "t1", 2);
    await quiet();
    expect(outbox.view.value).toMatchObject({ state: "saved", waiting: 0, refused: 1 });
    expect((await store.batches("a1")).map((batch) => [batch.number, batch.refused])).toEqual([
      [0, "409 conflict"],
    ]);
    expect(server.batches.get("t1 1")).toBe(JSON.stringify(samplesOf(1)));
  });

  it("a browser without a database still sends, and says that it keeps nothing", async () => {
    const outbox = new Outbox(new MemoryStore(), server, timing, false);
    await outbox.open("a1");
    await takeOf(outbox, "t1", 1);
    await quiet();
    expect(server.batches.size).toBe(1);
    expect(outbox.view.value.durable).toBe(false);
  });

  it("a disk that is full is told, and the batch is sent from memory", async () => {
    const full: Store = new MemoryStore();
    full.putBatch = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
    const outbox = new Outbox(full, server, timing);
    await outbox.open("a1");
    await takeOf(outbox, "t1", 1);
    await quiet();
    expect(server.batches.size).toBe(1);
    expect(outbox.view.value.durable).toBe(false);
  });
});
