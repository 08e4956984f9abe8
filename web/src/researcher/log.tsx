import { api, ask } from "../api/client";
import type { LogEntry } from "../api/schema.gen";
import { Table } from "../ui/table";
import { useLoaded } from "./data";
import { moment } from "./format";
import { Shown } from "./shown";
import { words } from "./words";

const MOST = 2000;

/** What researchers did. */
export function LogPage() {
  const query = { params: { query: { limit: MOST } } };
  const loaded = useLoaded(() => ask(api.GET("/api/v1/researcher/log", query)), "log", 15);
  const say = words.value.log;
  return (
    <section class="card stack">
      <h1>{say.title}</h1>
      <p class="faint">{say.lead}</p>
      <Shown loaded={loaded}>
        {(entries) =>
          entries.length === 0 ? <p class="faint">{say.none}</p> : <Entries entries={entries} />
        }
      </Shown>
    </section>
  );
}

/** Entries of the log as a table. */
export function Entries({ entries }: { entries: readonly LogEntry[] }) {
  const say = words.value.log;
  return (
    <Table
      caption={say.title}
      columns={[
        {
          key: "when",
          head: say.when,
          cell: (entry) => <span class="plain number">{moment(entry.at)}</span>,
        },
        { key: "who", head: say.who, cell: (entry) => entry.who },
        { key: "what", head: say.what, cell: (entry) => say.kinds[entry.what] ?? entry.what },
        { key: "about", head: say.about, cell: (entry) => about(entry), wide: true },
      ]}
      rows={entries}
      keyOf={(entry) => `${entry.at} ${entry.who} ${entry.what} ${about(entry)}`}
    />
  );
}

/** The details of an entry in one line: values by themselves where they are words, else with their names. */
export function about(entry: LogEntry): string {
  return Object.entries(entry.detail)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => (typeof value === "string" ? value : `${name} ${JSON.stringify(value)}`))
    .join(" · ");
}
