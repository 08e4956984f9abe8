import { lazy, Suspense } from "preact/compat";
import { words } from "../ui/words";
import { Entry } from "./entry";
import { visitor } from "./session";

// Each role loads its own pages only.
const AnnotatorApp = lazy(() => import("../annotator/app").then((pages) => pages.AnnotatorApp));
const ResearcherApp = lazy(() => import("../researcher/app").then((pages) => pages.ResearcherApp));

/** The whole page: who is here decides what is shown. */
export function App() {
  const now = visitor.value;
  if (now.state === "nobody") return <Entry why={now.why} />;
  const waiting = (
    <main class="entry" aria-busy="true">
      <p class="faint">{words.value.loading}</p>
    </main>
  );
  if (now.state === "asking") return waiting;
  return (
    <Suspense fallback={waiting}>
      {now.session.role === "researcher" ? <ResearcherApp session={now.session} /> : <AnnotatorApp />}
    </Suspense>
  );
}
