import type { ComponentChildren } from "preact";
import { api, ask } from "../api/client";
import type { CalibrationResult, LogEntry } from "../api/schema.gen";
import { hrefOf } from "../app/route";
import { Notice } from "../ui/notice";
import { Progress as Bar } from "../ui/progress";
import { Actions } from "./actions";
import { ResultsTable } from "./calibrations";
import { useLoaded } from "./data";
import { ago, hours, moment, two } from "./format";
import { Entries } from "./log";
import { Now, type Row, rowsOf } from "./people";
import { Shown } from "./shown";
import { words } from "./words";

const EVERY_S = 10;

/** Everything about one person, and what can be done. */
export function PersonPage({ name }: { name: string }) {
  const progress = useLoaded(() => ask(api.GET("/api/v1/researcher/progress")), "progress", EVERY_S);
  const judged = useLoaded(() => ask(api.GET("/api/v1/researcher/calibrations")), "calibrations");
  const log = useLoaded(() => ask(api.GET("/api/v1/researcher/log")), "log");
  const say = words.value.person;
  return (
    <div class="stack pages">
      <a class="back" href={hrefOf("researcher", "progress")}>
        {say.back}
      </a>
      <Shown loaded={progress}>
        {(all) => {
          const row = rowsOf(all).find((one) => one.annotator === name);
          if (!row) return <Notice kind="warn">{say.missing}</Notice>;
          const replaced = all.annotators.some((one) => one.replaces === name);
          const after = () => {
            progress.reload();
            log.reload();
          };
          return (
            <Head row={row} now={all.server_time} cohorts={all.cohorts.length > 1}>
              <Actions person={row} replaced={replaced} onDone={after} />
            </Head>
          );
        }}
      </Shown>
      <section class="card stack">
        <h2>{words.value.calibration.title}</h2>
        <Shown loaded={judged}>
          {(all) => <Judged results={all.results.filter((one) => one.annotator === name)} />}
        </Shown>
      </section>
      <Agreeing name={name} />
      <section class="card stack">
        <h2>{say.history}</h2>
        <Shown loaded={log}>
          {(entries) => <History entries={entries.filter((one) => isAbout(one, name))} />}
        </Shown>
      </section>
    </div>
  );
}

interface HeadProps {
  row: Row;
  now: number;
  cohorts: boolean;
  children: ComponentChildren;
}

function Head({ row, now, cohorts, children }: HeadProps) {
  const say = words.value;
  // That somebody is paused stands beside the name already.
  const pressing = row.attention.filter((one) => one.kind !== "paused");
  const seen = row.last_seen === null ? say.person.never : (ago(row.last_seen, now) ?? say.person.justNow);
  const facts: readonly (readonly [string, string])[] = [
    ...(cohorts ? [[say.person.cohort, String(row.cohort)] as const] : []),
    [say.person.listened, hours(row.listened_s)],
    [say.person.today, hours(row.listened_today_s)],
    [say.person.seen, seen],
    [say.person.interrupted, String(row.interrupted)],
  ];
  return (
    <section class="card stack">
      <div class="row apart">
        <h1>{row.annotator}</h1>
        <span>
          <Now person={row} />
          {row.until !== null && row.until > now && (
            <span class="faint"> {say.person.until(moment(row.until))}</span>
          )}
        </span>
      </div>
      {row.replaces && <p class="faint">{say.person.replaces(row.replaces)}</p>}
      {row.reason && !pressing.some((one) => one.kind === "failed") && <p>{row.reason}</p>}
      {pressing.length > 0 && (
        <Notice kind="warn">
          {pressing.map((one) => (
            <p key={one.kind}>{say.attention[one.kind]}</p>
          ))}
        </Notice>
      )}
      <Bar label={say.person.done} value={row.done} max={row.total} />
      <dl class="facts">
        {facts.map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd class="number">{value}</dd>
          </div>
        ))}
      </dl>
      {children}
    </section>
  );
}

function Judged({ results }: { results: readonly CalibrationResult[] }) {
  if (results.length === 0) return <p class="faint">{words.value.person.noCalibration}</p>;
  return <ResultsTable results={results} named={false} />;
}

function Agreeing({ name }: { name: string }) {
  const loaded = useLoaded(() => ask(api.GET("/api/v1/researcher/agreement")), "agreement");
  const mine = loaded.data?.annotators.find((one) => one.annotator === name);
  if (!mine) return null;
  const say = words.value;
  return (
    <section class="card stack">
      <h2>{say.person.agreesWith}</h2>
      <dl class="facts">
        {(["valence", "arousal"] as const).map((dimension) => (
          <div key={dimension}>
            <dt class={`key ${dimension}`}>{say.agreement[dimension]}</dt>
            <dd class="number">{two(mine[dimension])}</dd>
          </div>
        ))}
      </dl>
      <p class="faint small">{say.person.overTracks(mine.tracks)}</p>
    </section>
  );
}

function History({ entries }: { entries: readonly LogEntry[] }) {
  if (entries.length === 0) return <p class="faint">{words.value.person.nothingDone}</p>;
  return <Entries entries={entries} />;
}

/** Whether an entry of the log is about somebody. */
export function isAbout(entry: LogEntry, name: string): boolean {
  return Object.values(entry.detail).some((value) => value === name);
}
