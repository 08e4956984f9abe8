import type { Session } from "../api/schema.gen";

/** The researcher's pages. */
export function ResearcherApp({ session }: { session: Session }) {
  return (
    <main class="entry">
      <h1>{session.study.name}</h1>
    </main>
  );
}
