import { describe, expect, it } from "vitest";
import { measureOffset } from "./clock";

describe("the offset of the server's clock", () => {
  it("is that of the shortest round trip, whatever the slow ones say", async () => {
    let time = 1000;
    const trips = [80, 6, 200, 50, 120];
    const answers: number[] = [];
    const offset = await measureOffset(
      async () => {
        const trip = trips[answers.length] ?? 0;
        const early = answers.length === 1 ? trip / 2 : trip * 0.9; // lopsided, but for the short one
        time += early;
        const server = (time + 1_700_000_000_000) / 1000;
        time += trip - early;
        answers.push(trip);
        return server;
      },
      () => time,
    );
    expect(answers).toEqual(trips);
    expect(offset.roundTripMs).toBeCloseTo(6, 6);
    expect(offset.offsetMs).toBeCloseTo(1_700_000_000_000, 2);
  });

  it("is known from what was answered before the server went away, else not", async () => {
    let asked = 0;
    const flaky = async () => {
      asked += 1;
      if (asked > 2) throw new Error("away");
      return 5;
    };
    expect((await measureOffset(flaky, () => 100)).offsetMs).toBe(4900);
    await expect(measureOffset(() => Promise.reject(new Error("away")))).rejects.toThrow("away");
  });
});
