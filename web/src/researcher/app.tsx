import "./researcher.css";
import "./plots.css";
import "./track.css";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Session } from "../api/schema.gen";
import { hrefOf, route } from "../app/route";
import { leave } from "../app/session";
import { Button } from "../ui/button";
import { Languages } from "../ui/languages";
import { AgreementPage } from "./agreement";
import { AnnotatorsPage } from "./annotators";
import { CalibrationPage } from "./calibrations";
import { ExportPage } from "./export";
import { LogPage } from "./log";
import { PersonPage } from "./person";
import { ProgressPage } from "./progress";
import { TrackPage } from "./track";
import { TracksPage } from "./tracks";
import { words } from "./words";

const PAGES = ["progress", "calibration", "agreement", "tracks", "annotators", "log", "export"] as const;
type PageName = (typeof PAGES)[number];

/** The researcher's pages: a line of links above, one page below. */
export function ResearcherApp({ session }: { session: Session }) {
  const say = words.value;
  const [, name, rest] = route.value;
  const page: PageName =
    name === "people" ? "progress" : (PAGES.find((known) => known === name) ?? "progress");
  const main = useRef<HTMLElement>(null);
  const menu = useRef<HTMLElement>(null);
  const first = useRef(true);
  const address = route.value.join("/");

  useEffect(() => {
    document.title = `${words.value.pages[page]} · ${session.study.name}`;
    // A new page begins at its top, for eyes and for screen readers; the first one is left to the browser.
    if (!first.current) {
      window.scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    first.current = false;
    // On a narrow screen the links scroll sideways: the present one shall be seen.
    const show = () => {
      const here = menu.current?.querySelector<HTMLElement>("[aria-current]");
      if (menu.current && here) menu.current.scrollLeft = here.offsetLeft - menu.current.clientWidth / 2;
    };
    show();
    window.addEventListener("resize", show);
    return () => window.removeEventListener("resize", show);
  }, [address]);

  return (
    <div class="research">
      {/* biome-ignore lint/a11y/useValidAnchor: a skip link; the hash belongs to the routes */}
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {say.skip}
      </a>
      <header class="top">
        <span class="study" title={session.study.name}>
          {session.study.name}
        </span>
        <div class="row who">
          <Languages />
          <Button kind="plain" compact onClick={() => void leave()}>
            {say.leave}
          </Button>
        </div>
        <nav ref={menu} aria-label={say.menu}>
          {PAGES.map((known) => (
            <a
              key={known}
              href={hrefOf("researcher", known)}
              aria-current={known === page ? "page" : undefined}
              class={known === "export" ? "last" : undefined}
            >
              {say.pages[known]}
            </a>
          ))}
        </nav>
      </header>
      <main ref={main} id="content" tabIndex={-1}>
        {contents(page, name === "people", rest)}
      </main>
    </div>
  );
}

function contents(page: PageName, person: boolean, rest: string | undefined): ComponentChildren {
  if (person && rest) return <PersonPage name={rest} key={rest} />;
  if (page === "tracks" && rest) return <TrackPage id={rest} key={rest} />;
  const pages: Record<PageName, () => ComponentChildren> = {
    progress: () => <ProgressPage />,
    calibration: () => <CalibrationPage />,
    agreement: () => <AgreementPage />,
    tracks: () => <TracksPage />,
    annotators: () => <AnnotatorsPage />,
    log: () => <LogPage />,
    export: () => <ExportPage />,
  };
  return pages[page]();
}
