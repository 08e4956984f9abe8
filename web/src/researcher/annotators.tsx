import { api, ask } from "../api/client";
import type { Count, Instruments } from "../api/schema.gen";
import { words as annotatorWords } from "../i18n/annotator";
import { useLoaded } from "./data";
import { Shown } from "./shown";
import { words } from "./words";

/** Who annotates: what people said of themselves, counted (the paper's figure 1 is the first of these charts). */
export function AnnotatorsPage() {
  const loaded = useLoaded(() => ask(api.GET("/api/v1/researcher/instruments")), "instruments", 60);
  const say = words.value.annotators;
  return (
    <div class="stack pages">
      <section class="card stack">
        <h1>{say.title}</h1>
        <Shown loaded={loaded}>
          {(found) => (
            <>
              <p class="faint">{say.lead(found.answered, found.people)}</p>
              {found.answered === 0 ? <p>{say.none}</p> : <Charts found={found} />}
            </>
          )}
        </Shown>
      </section>
    </div>
  );
}

function Charts({ found }: { found: Instruments }) {
  const say = words.value.annotators;
  const profile: Choices = annotatorWords.value.profile;
  return (
    <>
      <div class="charts">
        <Bars title={say.instruments} counts={found.instruments} names={say.names} />
        <div class="stack">
          <Bars title={say.training} counts={found.training} names={say.years} />
          <Bars title={say.age} counts={found.age_bands} names={profile.ages} />
          <Bars title={say.gender} counts={found.gender} names={profile.genders} />
        </div>
      </div>
      <p class="faint small">{say.few}</p>
    </>
  );
}

type Names = Readonly<Record<string, string>>;

/** What may be chosen in a profile, in the words in which it was asked. */
interface Choices {
  readonly ages: Names;
  readonly genders: Names;
}

interface BarsProps {
  title: string;
  counts: readonly Count[];
  /** Words for what the server names by a code; everything else is shown as people wrote it. */
  names: Names;
}

/** A bar chart as a list: the numbers can be read without the bars. */
function Bars({ title, counts, names }: BarsProps) {
  const say = words.value.annotators;
  if (counts.length === 0) return null;
  const most = Math.max(...counts.map((one) => one.people));
  return (
    <div class="bars">
      <h2>{title}</h2>
      <ul>
        {counts.map((one) => (
          <li key={one.name}>
            <span>{names[one.name] ?? one.name}</span>
            <span class="bar" aria-hidden="true">
              <span class="fill" style={{ width: `${(100 * one.people) / most}%` }} />
            </span>
            <span class="number">
              {one.people}
              <span class="unseen"> {say.people(one.people)}</span>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
