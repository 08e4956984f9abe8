import { signal } from "@preact/signals";
import { ApiError, api, ask, useCsrf } from "../api/client";
import type { Session } from "../api/schema.gen";
import { go, route } from "./route";

/** Who is looking: not yet known, nobody (and why), or a person with a role. */
export type Visitor =
  | { readonly state: "asking" }
  | { readonly state: "nobody"; readonly why: "none" | "link" | "away" | "busy" }
  | { readonly state: "known"; readonly session: Session };

export const visitor = signal<Visitor>({ state: "asking" });

/** Open the session of the link in the address, or go on with the one that this browser has. */
export async function enter(): Promise<void> {
  const [first, token] = route.value;
  // Whoever is here stays on the page until it is known who comes: a track may be playing.
  if (visitor.peek().state !== "known") visitor.value = { state: "asking" };
  try {
    if (first === "enter" && token) {
      // Out of the address at once: neither the history nor a screenshot shall show the token. It comes back
      // only where trying again is of use.
      go([], { replace: true });
      pending = token;
    }
    const session = pending
      ? await ask(api.POST("/api/v1/session", { body: { token: pending } }))
      : await ask(api.GET("/api/v1/session"));
    pending = "";
    admit(session);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!error.passing) pending = "";
    visitor.value = { state: "nobody", why: reason(error, first === "enter") };
  }
}

/** A token that could not be tried because the server was away; kept in memory only. */
let pending = "";

/** End the session here and on the server. */
export async function leave(): Promise<void> {
  await ask(api.DELETE("/api/v1/session"));
  useCsrf("");
  visitor.value = { state: "nobody", why: "none" };
}

function admit(session: Session): void {
  useCsrf(session.csrf_token);
  visitor.value = { state: "known", session };
  if (session.role === "researcher" && route.value[0] !== "researcher") go(["researcher"], { replace: true });
}

function reason(error: ApiError, withLink: boolean): "none" | "link" | "away" | "busy" {
  if (error.status === 429) return "busy";
  if (error.passing) return "away";
  return withLink ? "link" : "none";
}
