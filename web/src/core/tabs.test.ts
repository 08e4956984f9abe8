import { afterEach, describe, expect, it } from "vitest";
import { OneTab } from "./tabs";

/** Locks as browsers have them: one holder for a name, the others in line. */
class Locks {
  private queue: (() => Promise<void>)[] = [];
  private held = false;

  request(_name: string, second: unknown, third?: unknown): Promise<void> {
    const options = typeof second === "object" ? (second as { ifAvailable?: boolean }) : {};
    const action = (third ?? second) as (lock: object | null) => Promise<void> | undefined;
    if (options.ifAvailable && this.held) return Promise.resolve(action(null));
    const run = async () => {
      this.held = true;
      await action({});
      this.held = false;
      void this.queue.shift()?.();
    };
    if (this.held) this.queue.push(run);
    else void run();
    return Promise.resolve();
  }
}

const tabs: OneTab[] = [];

function tab(name: string, locks: Locks | undefined, busy = () => false): OneTab {
  const opened = new OneTab(name, busy, locks as unknown as LockManager | undefined);
  tabs.push(opened);
  return opened;
}

afterEach(() => {
  for (const opened of tabs.splice(0)) opened.close();
});

const soon = (milliseconds = 60) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe.each([
  ["with locks", true],
  ["without locks", false],
])("two tabs, %s", (title, withLocks) => {
  it("the second says that it is the second", async () => {
    const locks = withLocks ? new Locks() : undefined;
    const [first, second] = [tab(`${title} 1`, locks), tab(`${title} 1`, locks)];
    await first.ask();
    expect(first.place.value).toBe("mine");
    await second.ask();
    expect(second.place.value).toBe("other");
    expect(first.place.value).toBe("mine");
  });

  it("the second gets the place when it asks for it", async () => {
    const locks = withLocks ? new Locks() : undefined;
    const [first, second] = [tab(`${title} 2`, locks), tab(`${title} 2`, locks)];
    await first.ask();
    await second.ask();
    second.take();
    await soon(500);
    expect(first.place.value).toBe("other");
    expect(second.place.value).toBe("mine");
  });

  it("but not while a track plays in the first", async () => {
    const locks = withLocks ? new Locks() : undefined;
    const [first, second] = [tab(`${title} 3`, locks, () => true), tab(`${title} 3`, locks)];
    await first.ask();
    await second.ask();
    second.take();
    await soon(500);
    expect(first.place.value).toBe("mine");
    expect(second.place.value).toBe("playing");
  });
});

it("a tab that waits gets the place when the first one closes", async () => {
  const locks = new Locks();
  const [first, second] = [tab("closing", locks), tab("closing", locks)];
  await first.ask();
  await second.ask();
  first.close();
  await soon();
  expect(second.place.value).toBe("mine");
});
