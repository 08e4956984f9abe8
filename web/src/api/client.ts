import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema.gen";

/** An answer of the server that is no success, or no answer at all (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Server time in seconds from which it may be tried again, where waiting helps. */
    readonly until: number | null = null,
    /** Numbers of batches that the server does not have. */
    readonly missing: readonly number[] = [],
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** The network or the server is away: the same request may succeed later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

let csrf = "";

/** Keep the token that every request which changes something must carry. */
export function useCsrf(token: string): void {
  csrf = token;
}

const guard: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && csrf !== "") request.headers.set("X-CSRF-Token", csrf);
    return request;
  },
};

/** The typed client: `api.GET("/api/v1/me")`. Prefer `ask`, which turns failures into ApiError. */
export const api = createClient<paths>({ baseUrl: location.origin, credentials: "same-origin" });
api.use(guard);

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/**
 * Return what the server answered, or throw an ApiError that says why not.
 *
 * @example const me = await ask(api.GET("/api/v1/me"));
 */
export async function ask<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  let answer: Answer<Data>;
  try {
    answer = await call;
  } catch (cause) {
    throw new ApiError(0, "offline", cause instanceof Error ? cause.message : String(cause));
  }
  if (answer.response.ok) return answer.data as Data;
  throw refusal(answer.response.status, answer.error);
}

function refusal(status: number, body: unknown): ApiError {
  const fields: Record<string, unknown> = typeof body === "object" && body !== null ? { ...body } : {};
  const { code, message, until, missing } = fields;
  return new ApiError(
    status,
    typeof code === "string" ? code : "error",
    typeof message === "string" ? message : `HTTP ${status}`,
    typeof until === "number" ? until : null,
    Array.isArray(missing) ? missing.filter((number) => typeof number === "number") : [],
  );
}
