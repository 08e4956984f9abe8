import { api, ask } from "../api/client";
import type { AgreementNow, AgreementTable, AgreementValue } from "../api/schema.gen";
import { hrefOf } from "../app/route";
import { Notice } from "../ui/notice";
import { Table } from "../ui/table";
import { useLoaded } from "./data";
import { count, two } from "./format";
import { type Mark, Strips } from "./plot/strips";
import { Shown } from "./shown";
import { words } from "./words";

const DIMENSIONS = ["valence", "arousal"] as const;
const SCOPES = ["static", "dynamic", "within"] as const;
type Scope = (typeof SCOPES)[number];
/** What a first look is about; everything else stands in the tables below. */
const FIRST = ["icc_a1", "icc_ak", "leave_one_out_ccc", "pairwise_ccc"];

/** How far people agree, as the field reports it. */
export function AgreementPage() {
  const loaded = useLoaded(() => ask(api.GET("/api/v1/researcher/agreement")), "agreement", 120);
  const say = words.value.agreement;
  return (
    <div class="stack pages">
      <section class="card stack">
        <h1>{say.title}</h1>
        <Shown loaded={loaded}>
          {(found) => (
            <>
              <p class="faint">{say.lead(count(found.trajectories), count(found.tracks))}</p>
              {found.note && <Notice>{found.note}</Notice>}
              {found.tables.length === 0 ? <p>{say.none}</p> : <Legend />}
            </>
          )}
        </Shown>
      </section>
      {loaded.data && <Found found={loaded.data} />}
    </div>
  );
}

function Found({ found }: { found: AgreementNow }) {
  const say = words.value.agreement;
  const scopes = SCOPES.filter((scope) => found.tables.some((table) => table.scope === scope));
  return (
    <>
      <div class="scopes">
        {scopes.map((scope) => (
          <ScopeCard
            key={scope}
            scope={scope}
            tables={found.tables.filter((table) => table.scope === scope)}
          />
        ))}
      </div>
      {found.annotators.length > 0 && (
        <section class="card stack">
          <h2>{say.people}</h2>
          <p class="faint">{say.peopleText}</p>
          <Each found={found} />
        </section>
      )}
      {scopes.length > 0 && (
        <section class="card stack">
          <h2>{say.all}</h2>
          <All tables={found.tables} scopes={scopes} />
        </section>
      )}
    </>
  );
}

function Legend() {
  const say = words.value.agreement;
  return (
    <p class="legend small">
      <span class="key valence">{say.valence}</span>
      <span class="key arousal">{say.arousal}</span>
      <span class="faint">├──┤ {say.interval}</span>
      <span class="faint">{say.guess}</span>
    </p>
  );
}

function ScopeCard({ scope, tables }: { scope: Scope; tables: readonly AgreementTable[] }) {
  const say = words.value.agreement;
  const rows = FIRST.map((name) => ({
    name: say.names[name] ?? name,
    marks: DIMENSIONS.flatMap((dimension) =>
      marks(dimension, say.names[name] ?? name, estimateOf(tables, dimension, name)),
    ),
  })).filter((row) => row.marks.length > 0);
  const table = tables[0];
  return (
    <section class="card stack">
      <div>
        <h2>{say.scopes[scope]}</h2>
        <p class="faint small">{say.scopeTexts[scope]}</p>
      </div>
      <Strips label={say.scopes[scope]} rows={rows} {...rangeOf(rows)} />
      {table && (
        <p class="faint small">
          {say.size(count(table.targets), table.raters === null ? "–" : table.raters.toFixed(1))}
        </p>
      )}
    </section>
  );
}

function Each({ found }: { found: AgreementNow }) {
  const say = words.value.agreement;
  const rows = found.annotators.map((person) => ({
    name: person.annotator,
    href: hrefOf("researcher", "people", person.annotator),
    marks: DIMENSIONS.flatMap((dimension) => {
      const value = person[dimension];
      if (value === null) return [];
      return [{ value, form: dimension, title: `${person.annotator}, ${say[dimension]}: ${two(value)}` }];
    }),
  }));
  return <Strips label={say.people} rows={rows} {...rangeOf(rows)} />;
}

function All({ tables, scopes }: { tables: readonly AgreementTable[]; scopes: readonly Scope[] }) {
  const say = words.value.agreement;
  const names = Object.keys(say.names).filter((name) => tables.some((table) => table.estimates[name]));
  return (
    <Table
      caption={say.all}
      columns={[
        { key: "name", head: say.statistic, cell: (name) => say.names[name] ?? name },
        ...scopes.flatMap((scope) =>
          DIMENSIONS.map((dimension) => ({
            key: `${scope} ${dimension}`,
            head: (
              <>
                {say.scopes[scope]}
                <br />
                <span class={`key ${dimension}`}>{say[dimension]}</span>
              </>
            ),
            right: true,
            cell: (name: string) => (
              <Estimate
                estimate={estimateOf(
                  tables.filter((table) => table.scope === scope),
                  dimension,
                  name,
                )}
              />
            ),
          })),
        ),
      ]}
      rows={names}
      keyOf={(name) => name}
    />
  );
}

function Estimate({ estimate }: { estimate: AgreementValue | undefined }) {
  if (!estimate || estimate.value === null) return words.value.none;
  const { value, low, high } = estimate;
  return (
    <>
      {two(value)}
      {low !== null && high !== null && (
        <span class="faint small interval-text">
          {two(low)} … {two(high)}
        </span>
      )}
    </>
  );
}

function estimateOf(
  tables: readonly AgreementTable[],
  dimension: string,
  name: string,
): AgreementValue | undefined {
  return tables.find((table) => table.dimension === dimension)?.estimates[name];
}

function marks(form: "valence" | "arousal", name: string, estimate: AgreementValue | undefined): Mark[] {
  if (!estimate || estimate.value === null) return [];
  const { value, low, high } = estimate;
  const interval = low !== null && high !== null ? ([low, high] as const) : undefined;
  const range = interval ? ` (${two(low)} … ${two(high)})` : "";
  return [{ value, form, interval, title: `${name}, ${words.value.agreement[form]}: ${two(value)}${range}` }];
}

/** From 0 to 1, and further down where something is negative. */
function rangeOf(rows: readonly { readonly marks: readonly Mark[] }[]): { from: number; to: number } {
  const lowest = Math.min(
    0,
    ...rows.flatMap((row) => row.marks.map((mark) => mark.interval?.[0] ?? mark.value)),
  );
  return { from: Math.max(-1, Math.floor(lowest * 4) / 4), to: 1 };
}
