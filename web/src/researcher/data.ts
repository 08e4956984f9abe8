import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { visitor } from "../app/session";

export interface Loaded<Data> {
  readonly data: Data | null;
  readonly error: ApiError | null;
  readonly reload: () => void;
}

/**
 * Load something when a page opens, and again every so many seconds while the page can be seen.
 *
 * What was loaded stays on the page while it is loaded again, and also when that fails.
 *
 * @param load asks the server; a failure is an ApiError
 * @param key names what is loaded: with another key it is loaded anew
 * @param everyS seconds between two loads; 0: once
 */
export function useLoaded<Data>(load: () => Promise<Data>, key: string, everyS = 0): Loaded<Data> {
  const [found, setFound] = useState<{ key: string; data: Data | null; error: ApiError | null }>({
    key,
    data: null,
    error: null,
  });
  const latest = useRef(load);
  latest.current = load;
  const asked = useRef(0);

  const reload = useCallback(() => {
    asked.current += 1;
    const mine = asked.current;
    latest.current().then(
      (data) => mine === asked.current && setFound({ key, data, error: null }),
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401) visitor.value = { state: "nobody", why: "none" };
        if (mine !== asked.current) return;
        setFound((before) => ({ key, data: before.key === key ? before.data : null, error }));
      },
    );
  }, [key]);

  useEffect(() => {
    reload();
    if (everyS <= 0) return;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), 1000 * everyS);
    return () => clearInterval(timer);
  }, [reload, everyS]);

  const current = found.key === key;
  return { data: current ? found.data : null, error: current ? found.error : null, reload };
}
