import { useState } from "preact/hooks";
import { words } from "./words";

/** Where the server's export is fetched from: a link, so that the browser's own download shows how far it is. */
const EXPORT = "/api/v1/researcher/export";

/** The study as a file, and what to do with it. */
export function ExportPage() {
  const say = words.value.export;
  const [begun, setBegun] = useState(false);
  return (
    <section class="card stack">
      <h1>{say.title}</h1>
      <p>{say.lead}</p>
      <div class="row">
        <a class="button primary" href={EXPORT} download onClick={() => setBegun(true)}>
          {say.button}
        </a>
        <span role="status" class="faint">
          {begun ? say.working : ""}
        </span>
      </div>
      <h2>{say.next}</h2>
      <p>{say.agreement}</p>
      <pre class="command">damer dataset agreement STUDY --out agreement</pre>
      <p>{say.release}</p>
      <pre class="command">damer dataset release STUDY --out release</pre>
    </section>
  );
}
