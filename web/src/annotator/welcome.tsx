/** The pages before the first track: consent, profile, instructions. */

import { useMemo, useState } from "preact/hooks";
import type { Profile } from "../api/schema.gen";
import type { Term } from "../core/circle";
import { Pointer } from "../core/pointer";
import { language } from "../i18n";
import { type AnnotatorWords, words } from "../i18n/annotator";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Dial } from "./dial";
import type { Surroundings } from "./dialview";
import type { AnnotatorModel } from "./model";
import { Sheet, Tick } from "./pieces";

/** What the study is and what becomes of the data; nothing goes on without agreement. */
export function Consent({ model }: { model: AnnotatorModel }) {
  const say = words.value.consent;
  const [agreed, setAgreed] = useState(false);
  const [wrong, setWrong] = useState(false);
  const [busy, setBusy] = useState(false);
  const go = async () => {
    if (!agreed) return setWrong(true);
    setBusy(true);
    await model.step("consent");
    setBusy(false);
  };
  return (
    <Sheet
      title={say.title}
      testid="consent"
      actions={
        <Button kind="primary" busy={busy} data-testid="go" onClick={go}>
          {say.go}
        </Button>
      }
    >
      <p class="lead">{say.lead}</p>
      <dl class="points">
        {say.points.map(([head, text]) => (
          <div key={head}>
            <dt>{head}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <Tick
        label={say.agree}
        ticked={agreed}
        testid="agree"
        wrong={wrong && !agreed ? say.needed : null}
        onTick={setAgreed}
      />
    </Sheet>
  );
}

const MOST_INSTRUMENTS = 20;
const LONGEST_INSTRUMENT = 40;

/** What an annotator may say of themselves; every field may stay empty. */
export function ProfilePage({ model }: { model: AnnotatorModel }) {
  const say = words.value.profile;
  const [busy, setBusy] = useState(false);
  const [age, setAge] = useState("");
  const [gender, setGender] = useState("");
  const [years, setYears] = useState("");
  const [instruments, setInstruments] = useState("");
  const [checked, setChecked] = useState(false);
  const parts = instruments
    .split(/[,，、;；\n]/)
    .map((part) => part.trim())
    .filter(Boolean);
  const number = Number(years.replace(",", "."));
  const wrongYears = years.trim() !== "" && !(number >= 0 && number <= 100);
  const wrongParts =
    parts.length > MOST_INSTRUMENTS || parts.some((part) => part.length > LONGEST_INSTRUMENT);

  const send = async (profile: Profile) => {
    setBusy(true);
    await model.tell(profile);
    setBusy(false);
  };
  const save = () => {
    setChecked(true);
    if (wrongYears || wrongParts) return;
    void send({
      age_band: (age || null) as NonNullable<Profile["age_band"]> | null,
      gender: gender || null,
      training_years: years.trim() === "" ? null : number,
      instruments: parts,
      language: language.value,
    });
  };
  return (
    <Sheet
      title={say.title}
      testid="profile"
      actions={
        <>
          <Button
            kind="plain"
            disabled={busy}
            data-testid="skip"
            onClick={() => void send({ instruments: [] })}
          >
            {say.skip}
          </Button>
          <Button kind="primary" busy={busy} data-testid="go" onClick={save}>
            {say.save}
          </Button>
        </>
      }
    >
      <p class="lead">{say.lead}</p>
      <Choice
        label={say.age}
        none={say.unsaid}
        options={say.ages}
        value={age}
        onChange={setAge}
        testid="age"
      />
      <Choice
        label={say.gender}
        none={say.unsaid}
        options={say.genders}
        value={gender}
        onChange={setGender}
        testid="gender"
      />
      <Field
        label={say.training}
        hint={say.trainingHint}
        wrong={checked && wrongYears ? say.trainingWrong : null}
      >
        {(control) => (
          <input
            {...control}
            inputMode="decimal"
            autocomplete="off"
            value={years}
            data-testid="training-years"
            onInput={(event) => setYears(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field
        label={say.instruments}
        hint={say.instrumentsHint}
        wrong={checked && wrongParts ? say.instrumentsWrong : null}
      >
        {(control) => (
          <input
            {...control}
            autocomplete="off"
            value={instruments}
            data-testid="instruments"
            onInput={(event) => setInstruments(event.currentTarget.value)}
          />
        )}
      </Field>
    </Sheet>
  );
}

function Choice(props: {
  label: string;
  none: string;
  options: Readonly<Record<string, string>>;
  value: string;
  onChange: (value: string) => void;
  testid: string;
}) {
  return (
    <Field label={props.label}>
      {(control) => (
        <select
          {...control}
          value={props.value}
          data-testid={props.testid}
          onChange={(event) => props.onChange(event.currentTarget.value)}
        >
          <option value="">{props.none}</option>
          {Object.entries(props.options).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

const STILL: Surroundings = { share: () => 0, resting: () => false, frame: () => {}, button: () => {} };

/** How it works, with a disc to try. */
export function Instructions({ model, onDone }: { model: AnnotatorModel; onDone: () => void }) {
  const say: AnnotatorWords["instructions"] = words.value.instructions;
  const pointer = useMemo(() => new Pointer(), []);
  const terms: readonly Term[] = model.study.value?.terms ?? [];
  return (
    <Sheet
      title={say.title}
      testid="instructions"
      wide
      actions={
        <Button kind="primary" data-testid="go" onClick={onDone}>
          {say.go}
        </Button>
      }
    >
      <div class="beside">
        <div class="stack">
          <div class="key">
            <h2>{say.perceivedTitle}</h2>
            <p>{say.perceived}</p>
          </div>
          <h2>{say.discTitle}</h2>
          <p>{say.disc}</p>
          <h2>{say.traceTitle}</h2>
          <p>{say.trace}</p>
          <h2>{say.handsTitle}</h2>
          <p>{say.hands}</p>
        </div>
        <figure class="try">
          <Dial terms={terms} pointer={pointer} mode="practice" around={STILL} />
          <figcaption class="small faint">{say.tryIt}</figcaption>
        </figure>
      </div>
    </Sheet>
  );
}
