import type { Take } from "./takes";
import { words } from "./words";

interface Props {
  takes: readonly Take[];
  chosen: string | null;
  onChoose: (id: string | null) => void;
}

/** One person's take is put in front of the others; arrow keys go through them, as in any group of radio buttons. */
export function TakeList({ takes, chosen, onChoose }: Props) {
  const say = words.value.tracks;
  return (
    <fieldset class="takes">
      <legend>{say.highlight}</legend>
      <label>
        <input type="radio" name="take" checked={chosen === null} onChange={() => onChoose(null)} />
        <span>{say.everyone}</span>
      </label>
      {takes.map((take) => (
        <label key={take.id}>
          <input type="radio" name="take" checked={chosen === take.id} onChange={() => onChoose(take.id)} />
          <span>
            {take.annotator}
            {take.kind !== "work" && <i> {say.kinds[take.kind]}</i>}
            {take.second && <i> {say.second}</i>}
            {!take.valid && <i> {say.brokenOff}</i>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
