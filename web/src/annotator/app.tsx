import "./annotator.css";
import { effect, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { Me, Session } from "../api/schema.gen";
import { visitor } from "../app/session";
import { Outbox } from "../core/outbox";
import { Player } from "../core/player";
import { BrowserStore, MemoryStore, type Store } from "../core/store";
import { OneTab } from "../core/tabs";
import { LANGUAGES, language, speak } from "../i18n";
import { words } from "../i18n/annotator";
import { Notice } from "../ui/notice";
import {
  DoneForToday,
  Elsewhere,
  Judgement,
  LinkAgain,
  Moment,
  OtherTab,
  Over,
  Retrain,
  TrainingDone,
} from "./messages";
import { AnnotatorModel } from "./model";
import { Head } from "./pieces";
import { server } from "./server";
import { Stage } from "./stage";
import { transportOf } from "./transport";
import { VolumeCheck } from "./volume";
import { watchPage } from "./watch";
import { Consent, Instructions, ProfilePage } from "./welcome";

/** One page, one annotator: kept beside the components, so that a take outlives whatever is shown. */
interface Desk {
  readonly model: AnnotatorModel;
  readonly tab: OneTab;
}

/** Steps in which nothing was heard yet. */
const BEFORE: readonly string[] = ["invitation", "consent", "volume_check"];

const desk = signal<Desk | null>(null);
let making = false;

/** The annotator's pages. */
export function AnnotatorApp() {
  const now = visitor.value;
  const session = now.state === "known" ? now.session : null;
  useEffect(() => {
    if (session) void sitDown(session);
  }, [session]);
  const sat = desk.value;
  if (!sat) return <Moment away={false} />;
  const begun = !BEFORE.includes(sat.model.me.value?.step ?? "invitation");
  return (
    <div class="annotator">
      <Head study={sat.model.session.study} outbox={sat.model.outbox} blank={!begun} />
      <Page desk={sat} />
      {sat.model.link.value === "away" && sat.model.me.value && sat.model.stage.value === "idle" && (
        <div class="toast">
          <Notice kind="warn" urgent>
            {words.value.awayNow}
          </Notice>
        </div>
      )}
    </div>
  );
}

/** What is shown: what is in the way first, then what the server says comes next. */
function Page({ desk: { model, tab } }: { desk: Desk }) {
  const me = model.me.value;
  const place = tab.place.value;
  if (place === "other" || place === "playing") return <OtherTab tab={tab} />;
  const stage = model.stage.value;
  const busy = stage !== "idle";
  const lost = busy ? model.outbox.view.value.state === "signed-out" : model.link.value === "lost";
  if (lost && stage !== "playing") return <LinkAgain model={model} />;
  if (!me || !model.study.value) return <Moment away={model.link.value === "away"} />;
  if (!busy && model.elsewhere.value) return <Elsewhere model={model} />;
  return <Step model={model} me={me} />;
}

function Step({ model, me }: { model: AnnotatorModel; me: Me }) {
  const [instructed, setInstructed] = useRemembered(`instructed ${model.owner}`);
  const [encouraged, setEncouraged] = useRemembered(`retrained ${model.owner} ${me.verdict?.attempt}`);
  // In the same place of the tree as below: the dial lives on, with what it knows of mouse and focus.
  if (model.stage.value !== "idle" && me.audio) return <Stage model={model} />;
  const failed = me.audio?.list === "training" && me.number === 1 && me.verdict?.passed === false;
  switch (me.step) {
    case "consent":
      return <Consent model={model} />;
    case "volume_check":
      if (!me.profile_done) return <ProfilePage model={model} />;
      if (!instructed) return <Instructions model={model} onDone={setInstructed} />;
      return <VolumeCheck model={model} />;
    case "training":
    case "retrain":
    case "calibrate":
    case "work":
    case "rest":
      if (failed && !encouraged) return <Retrain onDone={setEncouraged} />;
      return <Stage model={model} />;
    case "training_done":
      return <TrainingDone model={model} />;
    case "judgement":
      return <Judgement />;
    case "done_for_today":
      return <DoneForToday model={model} />;
    case "finished":
    case "paused":
    case "dropped":
      return <Over model={model} what={me.step} />;
    default:
      return <Moment away={model.link.value === "away"} />;
  }
}

/** Something that is shown once in this tab, also when the page is loaded again. */
function useRemembered(name: string): [boolean, () => void] {
  const [, again] = useState(0);
  let known = false;
  try {
    known = sessionStorage.getItem(`damer ${name}`) !== null;
  } catch {
    // A browser that keeps nothing shows it once more.
  }
  const [done, setDone] = useState<string | null>(null);
  const remember = () => {
    setDone(name);
    try {
      sessionStorage.setItem(`damer ${name}`, "1");
    } catch {
      again((count) => count + 1);
    }
  };
  return [known || done === name, remember];
}

/** Makes the model once; a link that was opened again in the same tab only revives it. */
async function sitDown(session: Session): Promise<void> {
  const sat = desk.peek();
  if (sat) {
    if (sat.model.owner !== `${session.study.name} / ${session.annotator}`) return location.reload();
    return sat.model.revive();
  }
  if (making) return;
  making = true;
  const spoken = LANGUAGES.filter((name) => session.study.languages.includes(name));
  if (spoken[0] && !spoken.includes(language.value)) speak(spoken[0]);
  const store = await openStore();
  const timing = {
    now: () => performance.now(),
    later: (action: () => void, milliseconds: number) => {
      const timer = setTimeout(action, milliseconds);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  };
  const durable = store instanceof BrowserStore;
  const outbox = new Outbox(store, transportOf(session.annotator), timing, durable);
  const model = new AnnotatorModel(session, outbox, new Player(), server);
  const tab = new OneTab("damer-annotate", () => model.stage.peek() !== "idle");
  document.title = session.study.name;
  desk.value = { model, tab };
  await tab.ask();
  // Each time the place is given to this tab it begins as a fresh page would: the other one may have gone on.
  effect(() => {
    if (tab.place.value === "mine") void model.open();
  });
  watchPage(model);
}

async function openStore(): Promise<Store> {
  try {
    return await BrowserStore.open();
  } catch {
    return new MemoryStore();
  }
}
