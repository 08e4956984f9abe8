import type { ComponentChildren } from "preact";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";
import { words as common } from "../ui/words";
import type { Loaded } from "./data";
import { words } from "./words";

interface Props<Data> {
  loaded: Loaded<Data>;
  children: (data: Data) => ComponentChildren;
}

/** Draw what was loaded; say that it is loading, or that it could not be, and offer to try again. */
export function Shown<Data>({ loaded, children }: Props<Data>) {
  const { data, error, reload } = loaded;
  return (
    <>
      {error && (
        <Notice kind={data === null ? "bad" : "warn"} urgent>
          <div class="row apart">
            <span>{error.passing ? common.value.away : `${words.value.failed} ${error.message}`}</span>
            <Button compact onClick={reload}>
              {common.value.retry}
            </Button>
          </div>
        </Notice>
      )}
      {data === null ? !error && <p class="faint loading">{words.value.loading}</p> : children(data)}
    </>
  );
}
