/** The outbox's way to the server: typed requests with a time limit. */

import { api, ask, useCsrf } from "../api/client";
import type { Transport } from "../core/outbox";

/** A server that has not answered by then is away: the same request is sent again later. */
const LIMIT_MS = 15_000;

/** For every request of the annotator's pages. */
export const limited = () => ({ signal: AbortSignal.timeout(LIMIT_MS) });

/** @param annotator whose outbox it is: another person's session in the same browser is none for it. */
export const transportOf = (annotator: string): Transport => ({
  async batch(trial, number, samples, events) {
    await ask(
      api.POST("/api/v1/trials/{trial_id}/batches/{number}", {
        params: { path: { trial_id: trial, number } },
        body: { samples: [...samples], events: [...events] },
        ...limited(),
      }),
    );
  },
  async finish(trial, batches) {
    await ask(
      api.POST("/api/v1/trials/{trial_id}/finish", {
        params: { path: { trial_id: trial } },
        body: { batches },
        ...limited(),
      }),
    );
  },
  async interrupt(trial, reason) {
    await ask(
      api.POST("/api/v1/trials/{trial_id}/interrupt", {
        params: { path: { trial_id: trial } },
        body: { reason },
        ...limited(),
      }),
    );
  },
  async renew() {
    const session = await ask(api.GET("/api/v1/session", limited()));
    if (session.annotator !== annotator) return false;
    useCsrf(session.csrf_token);
    return true;
  },
});
