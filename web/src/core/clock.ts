/** How the server's clock relates to performance.now(); the system clock has no part in it. */

/** What a measurement found. `offsetMs`: to be added to performance.now() for UTC milliseconds of the server. */
export interface ClockOffset {
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

/**
 * Asks the server for its time a few times and keeps the answer with the shortest round trip: the server spoke somewhere
 * within it, so half of it bounds the error.
 *
 * @param ask returns the server's time, UTC seconds.
 * @throws what `ask` throws, when no question was answered.
 */
export async function measureOffset(
  ask: () => Promise<number>,
  now: () => number = () => performance.now(),
  questions = 5,
): Promise<ClockOffset> {
  let best: ClockOffset | undefined;
  let failure: unknown;
  for (let question = 0; question < questions; question += 1) {
    const sent = now();
    try {
      const serverTime = await ask();
      const received = now();
      const roundTripMs = received - sent;
      if (!best || roundTripMs < best.roundTripMs) {
        best = { offsetMs: serverTime * 1000 - (sent + received) / 2, roundTripMs };
      }
    } catch (error) {
      failure = error;
      break; // one failure is enough to know that the server is away
    }
  }
  if (!best) throw failure;
  return best;
}
