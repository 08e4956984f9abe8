import { signal } from "@preact/signals";

/** The parts of the address after `#/`, decoded: `#/researcher/tracks/t%201` is ["researcher", "tracks", "t 1"]. */
export const route = signal<readonly string[]>(partsOf(location.hash));

window.addEventListener("hashchange", () => {
  route.value = partsOf(location.hash);
});

/** Return the address of a route, to be used in a link. */
export function hrefOf(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Go to another page; with `replace` the present one is not kept in the browser's history. */
export function go(parts: readonly string[], options: { replace?: boolean } = {}): void {
  const href = hrefOf(...parts);
  if (!options.replace) {
    location.hash = href;
    return;
  }
  // The rest of the address stays; a token in the fragment leaves the history with this.
  history.replaceState(null, "", href);
  route.value = partsOf(href);
}

/** Split what follows `#/` in an address. */
export function partsOf(hash: string): readonly string[] {
  const path = hash.replace(/^#?\/?/, "");
  return path === "" ? [] : path.split("/").map(decoded);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray % in an address that somebody typed
  }
}
