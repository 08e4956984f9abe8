import { api, ask } from "../api/client";
import type { CohortProgress, Progress } from "../api/schema.gen";
import { useLoaded } from "./data";
import { count, hours, percent } from "./format";
import { People } from "./people";
import { Shown } from "./shown";
import { words } from "./words";

const EVERY_S = 10;

/** How far the study is: the whole, the cohorts, the people. */
export function ProgressPage() {
  const loaded = useLoaded(() => ask(api.GET("/api/v1/researcher/progress")), "progress", EVERY_S);
  return (
    <div class="stack pages">
      <h1 class="unseen">{words.value.pages.progress}</h1>
      <Shown loaded={loaded}>
        {(progress) => (
          <>
            <Whole progress={progress} />
            <People progress={progress} />
          </>
        )}
      </Shown>
    </div>
  );
}

function Whole({ progress }: { progress: Progress }) {
  const say = words.value.progress;
  const { done, total, to_come: toCome, open } = progress;
  const share = percent(total > 0 ? done / total : 0);
  return (
    <section class="card whole">
      <div class="stack">
        <p class="headline">{share}</p>
        <p class="unseen">{say.ofWork(share)}</p>
        <Division done={done} open={open} total={total} />
        <dl class="figures">
          <Figure name={say.done} value={count(done)} mark="done" />
          <Figure name={say.toCome} value={count(toCome)} mark="to-come" />
          {open > 0 && <Figure name={say.open} value={count(open)} mark="open" />}
          <Figure name={say.heard} value={hours(progress.listened_s)} />
        </dl>
      </div>
      <div class="stack cohorts">
        <h2>{say.cohorts}</h2>
        {progress.cohorts.map((cohort) => (
          <Cohort key={cohort.cohort} cohort={cohort} />
        ))}
      </div>
    </section>
  );
}

function Figure({ name, value, mark }: { name: string; value: string; mark?: string }) {
  return (
    <div class={mark ? `figure ${mark}` : "figure"}>
      <dt>{name}</dt>
      <dd class="number">{value}</dd>
    </div>
  );
}

/** One bar, divided into done, to come and open. */
function Division({ done, open, total }: { done: number; open: number; total: number }) {
  const width = (part: number) => ({ width: `${total > 0 ? (100 * part) / total : 0}%` });
  return (
    <div class="division" aria-hidden="true">
      <span class="done" style={width(done)} />
      <span class="to-come" />
      <span class="open" style={width(open)} />
    </div>
  );
}

function Cohort({ cohort }: { cohort: CohortProgress }) {
  const say = words.value.progress;
  const { done, total } = cohort;
  return (
    <div class="cohort">
      <span>
        {say.cohort(cohort.cohort)}{" "}
        <span class="faint small">{say.active(cohort.active, cohort.annotators)}</span>
      </span>
      <span class="number small">{percent(total > 0 ? done / total : 0)}</span>
      <Division done={done} open={0} total={total} />
    </div>
  );
}
