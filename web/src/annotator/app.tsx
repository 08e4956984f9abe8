import { visitor } from "../app/session";

/** The annotator's pages. */
export function AnnotatorApp() {
  const now = visitor.value;
  return <main class="entry">{now.state === "known" && <h1>{now.session.study.name}</h1>}</main>;
}
