import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Licences that may be bundled into an Apache-2.0 package; anything else stops the build. */
export const ALLOWED: ReadonlySet<string> = new Set([
  "MIT",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "0BSD",
]);

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
}

/** Read what the package that holds `file` says of itself, or null when the file is our own. */
export function packageOf(file: string): Package | null {
  // The last node_modules/ counts (packages may be nested), and a scope belongs to the name.
  const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
  if (!folder) return null;
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const notice = readdirSync(folder).find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name));
  return {
    name: manifest.name ?? "",
    version: manifest.version ?? "",
    licence: manifest.license ?? "",
    text: notice ? readFileSync(join(folder, notice), "utf8").trim() : "",
  };
}

/** Return the text of the licence file of a bundle, or throw when a package may not be in it. */
export function notices(packages: readonly Package[]): string {
  for (const found of packages) {
    if (!ALLOWED.has(found.licence)) {
      throw new Error(`${found.name} ${found.version}: licence "${found.licence}" may not be bundled`);
    }
    if (!found.text) throw new Error(`${found.name} ${found.version}: the package holds no licence text`);
  }
  const head = "The pages of damer hold code of these packages, each under its own licence.";
  const parts = packages.map((found) => `${found.name} ${found.version} (${found.licence})\n\n${found.text}`);
  return `${[head, ...parts].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

/** A build step that writes licences.txt: every package whose code is in the bundle, with its licence. */
export function licences(): Plugin {
  return {
    name: "damer-licences",
    apply: "build",
    generateBundle() {
      const found = new Map<string, Package>();
      for (const file of this.getModuleIds()) {
        const holder = packageOf(file);
        if (holder) found.set(holder.name, holder);
      }
      const sorted = [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
      this.emitFile({ type: "asset", fileName: "licences.txt", source: notices(sorted) });
    },
  };
}
