import { api, ask } from "../api/client";
import type { CalibrationResult, Calibrations } from "../api/schema.gen";
import { hrefOf } from "../app/route";
import { type Column, Table } from "../ui/table";
import { useLoaded } from "./data";
import { moment, percent, two } from "./format";
import { Strips } from "./plot/strips";
import { Shown } from "./shown";
import { words } from "./words";

/** How everybody's calibrations went: each attempt's distance against the limit. */
export function CalibrationPage() {
  const loaded = useLoaded(() => ask(api.GET("/api/v1/researcher/calibrations")), "calibrations", 30);
  const say = words.value.calibration;
  return (
    <div class="stack pages">
      <section class="card stack">
        <h1>{say.title}</h1>
        <p class="faint">{say.lead}</p>
        <Shown loaded={loaded}>
          {(found) =>
            found.results.length === 0 ? <p class="faint">{say.none}</p> : <Chart found={found} />
          }
        </Shown>
      </section>
      {loaded.data && loaded.data.results.length > 0 && (
        <section class="card stack">
          <ResultsTable results={loaded.data.results.toReversed()} named />
        </section>
      )}
    </div>
  );
}

function Chart({ found }: { found: Calibrations }) {
  const say = words.value.calibration;
  const limit = found.largest_distance;
  const known = found.results.filter((one) => one.distance !== null);
  const most = Math.max(2 * limit, ...known.map((one) => 1.08 * (one.distance ?? 0)));
  const people = [...new Set(found.results.map((one) => one.annotator))].toSorted();
  return (
    <>
      <Strips
        label={say.chart}
        from={0}
        to={most}
        limit={{ value: limit, text: say.limit(two(limit)) }}
        rows={people.map((annotator) => ({
          name: annotator,
          href: hrefOf("researcher", "people", annotator),
          marks: known
            .filter((one) => one.annotator === annotator)
            .map((one) => ({
              value: one.distance ?? 0,
              form: one.passed ? ("good" as const) : ("bad" as const),
              title: `${annotator}, ${say.attempt} ${one.attempt}: ${two(one.distance)}, ${one.passed ? say.passed : say.notPassed}`,
            })),
        }))}
      />
      <p class="legend small">
        <span class="mark good">{say.passed}</span>
        <span class="mark bad">{say.notPassed}</span>
      </p>
    </>
  );
}

/** Every attempt with its numbers and, where it did not pass, the reasons. */
export function ResultsTable({ results, named }: { results: readonly CalibrationResult[]; named: boolean }) {
  const say = words.value.calibration;
  const share = (value: number | null) => (value === null ? words.value.none : percent(value));
  const columns: readonly Column<CalibrationResult>[] = [
    ...(named
      ? [
          {
            key: "name",
            head: words.value.person.name,
            cell: (one: CalibrationResult) => (
              <a href={hrefOf("researcher", "people", one.annotator)}>{one.annotator}</a>
            ),
          },
        ]
      : []),
    {
      key: "attempt",
      head: say.attempt,
      cell: (one) => <span class="plain number">{one.attempt}</span>,
      right: named,
    },
    { key: "result", head: say.result, cell: (one) => <Result passed={one.passed} /> },
    { key: "distance", head: say.distance, cell: (one) => two(one.distance), right: true },
    { key: "known", head: say.known, cell: (one) => share(one.known), right: true },
    { key: "movement", head: say.movement, cell: (one) => two(one.movement), right: true },
    { key: "extremes", head: say.extremes, cell: (one) => share(one.extremes), right: true },
    { key: "when", head: say.when, cell: (one) => <span class="number">{moment(one.at)}</span> },
    { key: "reasons", head: say.reasons, cell: (one) => one.reasons.join(" · "), wide: true },
  ];
  return (
    <Table
      caption={say.title}
      columns={columns}
      rows={results}
      keyOf={(one) => `${one.annotator} ${one.attempt} ${one.at}`}
    />
  );
}

function Result({ passed }: { passed: boolean }) {
  const say = words.value.calibration;
  return (
    <span class={`verdict ${passed ? "good" : "bad"}`}>
      {passed ? `✓ ${say.passed}` : `✕ ${say.notPassed}`}
    </span>
  );
}
