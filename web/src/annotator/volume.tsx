import { useEffect, useRef, useState } from "preact/hooks";
import { type Side, TestSound } from "../core/testsound";
import { words } from "../i18n/annotator";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";
import type { AnnotatorModel } from "./model";
import { Sheet, Tick } from "./pieces";

const SIDES: readonly Side[] = ["left", "both", "right"];

/** Headphones on, volume set: with a sound as loud as the music. */
export function VolumeCheck({ model }: { model: AnnotatorModel }) {
  const say = words.value.volume;
  const sound = useRef<TestSound | null>(null);
  const [playing, setPlaying] = useState(false);
  const [played, setPlayed] = useState(false);
  const [silent, setSilent] = useState(false);
  const [side, setSide] = useState<Side>("both");
  const [heard, setHeard] = useState(false);
  const [wrong, setWrong] = useState(false);
  const [busy, setBusy] = useState(false);

  const stop = () => {
    sound.current?.stop();
    sound.current = null;
    setPlaying(false);
  };
  useEffect(() => () => sound.current?.stop(), []);

  const play = async () => {
    if (playing) return stop();
    try {
      const context = await model.player.unlock(); // inside the click, so that browsers allow it
      sound.current = new TestSound(context);
      sound.current.turn(side);
      setPlaying(true);
      setPlayed(true);
      setSilent(false);
    } catch {
      setSilent(true);
    }
  };
  const choose = (chosen: Side) => {
    setSide(chosen);
    sound.current?.turn(chosen);
  };
  const go = async () => {
    if (!heard || !played) return setWrong(true);
    stop();
    setBusy(true);
    await model.step("volume_check");
    setBusy(false);
  };
  return (
    <Sheet
      title={say.title}
      testid="volume"
      actions={
        <Button kind="primary" busy={busy} data-testid="go" onClick={go}>
          {say.go}
        </Button>
      }
    >
      <p class="lead">{say.lead}</p>
      <div class="sound">
        <Button class="play" aria-pressed={playing} data-testid="play-sound" onClick={play}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={playing ? "M7 6h3.5v12H7zM13.5 6H17v12h-3.5z" : "M8 5.5v13l10.5-6.5z"} />
          </svg>
          {playing ? say.stop : say.play}
        </Button>
        <fieldset class="sides">
          <legend class="small faint">{say.sides}</legend>
          {SIDES.map((name) => (
            <label key={name} class={side === name ? "on" : ""}>
              <input type="radio" name="side" checked={side === name} onChange={() => choose(name)} />
              {say[name]}
            </label>
          ))}
        </fieldset>
      </div>
      <p class="small faint">{say.sidesHint}</p>
      {silent && (
        <Notice kind="warn" urgent>
          {say.silent}
        </Notice>
      )}
      <Tick
        label={say.heard}
        ticked={heard}
        testid="heard"
        wrong={wrong && !(heard && played) ? say.needed : null}
        onTick={setHeard}
      />
    </Sheet>
  );
}
