import { useState } from "preact/hooks";
import type { PersonProgress, Progress } from "../api/schema.gen";
import { hrefOf } from "../app/route";
import { type Attention, attentionTo } from "./attention";
import { ago, moment, percent } from "./format";
import { type SortBy, sorted } from "./order";
import { words } from "./words";

export interface Row extends PersonProgress {
  readonly attention: readonly Attention[];
}

/** Add to every person what asks for a look. */
export function rowsOf(progress: Progress): readonly Row[] {
  const { annotators, created_at: createdAt, server_time: now } = progress;
  const replaced = new Set(annotators.map((person) => person.replaces).filter(Boolean));
  return annotators.map((person) => ({
    ...person,
    attention: attentionTo(person, createdAt, now, replaced),
  }));
}

const COLUMNS = ["name", "cohort", "now", "done", "today", "seen"] as const;

/** Everybody in a table that can be filtered and sorted; each name leads to the person's page. */
export function People({ progress }: { progress: Progress }) {
  const say = words.value;
  const [show, setShow] = useState<"attention" | "all">("all");
  const [wanted, setWanted] = useState("");
  const [by, setBy] = useState<{ column: SortBy; down: boolean }>({ column: "name", down: false });
  const rows = rowsOf(progress);
  const pressing = rows.filter((row) => row.attention.length > 0);
  const asked = wanted.trim().toLowerCase();
  const found = (show === "all" ? rows : pressing).filter((row) =>
    row.annotator.toLowerCase().includes(asked),
  );
  const cohorts = progress.cohorts.length > 1;

  return (
    <section class="card stack" aria-labelledby="people">
      <div class="row apart">
        <h2 id="people">{say.progress.people}</h2>
        <div class="row">
          {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would need a legend on the page */}
          <div class="choice" role="group" aria-label={say.progress.filter}>
            <button type="button" aria-pressed={show === "all"} onClick={() => setShow("all")}>
              {say.progress.all} <span class="number">{rows.length}</span>
            </button>
            <button type="button" aria-pressed={show === "attention"} onClick={() => setShow("attention")}>
              {say.progress.attention} <span class="number">{pressing.length}</span>
            </button>
          </div>
          <input
            class="input find"
            type="search"
            placeholder={say.progress.find}
            aria-label={say.progress.find}
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </div>
      </div>
      <table class="table people">
        <caption class="unseen">{say.progress.people}</caption>
        <thead>
          <tr>
            {COLUMNS.filter((column) => cohorts || column !== "cohort").map((column) => (
              <th
                key={column}
                scope="col"
                aria-sort={by.column === column ? (by.down ? "descending" : "ascending") : undefined}
              >
                <button
                  type="button"
                  class="sort"
                  title={say.person.sortBy(say.person[column])}
                  onClick={() => setBy({ column, down: by.column === column && !by.down })}
                >
                  {say.person[column]}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted(found, by.column, by.down).map((row) => (
            <Person key={row.annotator} row={row} now={progress.server_time} cohorts={cohorts} />
          ))}
        </tbody>
      </table>
      {found.length === 0 && (
        <p class="faint">
          {show === "attention" && asked === "" ? say.progress.nobody : say.progress.noMatch}
        </p>
      )}
    </section>
  );
}

function Person({ row, now, cohorts }: { row: Row; now: number; cohorts: boolean }) {
  const say = words.value;
  const share = row.total > 0 ? row.done / row.total : 0;
  const seen = row.last_seen === null ? say.person.never : (ago(row.last_seen, now) ?? say.person.justNow);
  const today = Math.round(row.listened_today_s / 60);
  return (
    <tr>
      <th scope="row" class="name">
        <a href={hrefOf("researcher", "people", row.annotator)}>{row.annotator}</a>
      </th>
      {cohorts && (
        <td class="cohort-of number" data-label={say.person.cohort}>
          {row.cohort}
        </td>
      )}
      <td class="now">
        <Now person={row} />
        {row.attention.map((one) => (
          <span key={one.kind} class="asks">
            {say.attention[one.kind]}
          </span>
        ))}
      </td>
      <td class="done">
        <span class="bar">
          <span class="fill" style={{ width: `${100 * share}%` }} />
        </span>
        <span class="number small">
          {row.done} / {row.total} <span class="faint">{percent(share)}</span>
        </span>
      </td>
      <td class="today number" data-label={say.person.today}>
        {today > 0 ? say.person.minutes(String(today)) : say.none}
      </td>
      <td
        class="seen"
        data-label={say.person.seen}
        title={row.last_seen === null ? undefined : moment(row.last_seen)}
      >
        {seen}
      </td>
    </tr>
  );
}

/** What somebody does now, with a mark whose form says whether anything goes on. */
export function Now({ person }: { person: PersonProgress }) {
  const { step } = person;
  const form =
    step === "listening"
      ? "live"
      : step === "finished"
        ? "full"
        : step === "paused" || step === "dropped"
          ? "off"
          : "idle";
  return (
    <span class={`state ${form}`} title={person.reason || undefined}>
      {words.value.steps[step]}
    </span>
  );
}
