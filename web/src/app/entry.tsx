import { Button } from "../ui/button";
import { Languages } from "../ui/languages";
import { words } from "../ui/words";
import { enter, type Visitor } from "./session";

/** What somebody without a session sees: why, and what to do. */
export function Entry({ why }: { why: Extract<Visitor, { state: "nobody" }>["why"] }) {
  const say = words.value;
  const [title, text] = {
    none: [say.noSession, say.noSessionText],
    link: [say.badLink, say.badLinkText],
    away: [say.away, say.awayText],
    busy: [say.away, say.busy],
  }[why];
  const again = why === "away" || why === "busy";
  return (
    <main class="entry">
      <div class="card stack">
        <h1>{title}</h1>
        <p>{text}</p>
        <div class="row apart">
          {again ? (
            <Button kind="primary" onClick={() => void enter()}>
              {say.retry}
            </Button>
          ) : (
            <span />
          )}
          <Languages />
        </div>
      </div>
    </main>
  );
}
