import { existsSync, renameSync, rmSync } from "node:fs";
import type { Plugin } from "vite";

/**
 * A build step that puts the finished build where the Python package has it, in one move: a server that runs
 * meanwhile never meets a half-written folder.
 *
 * @param built folder that the build writes
 * @param published folder that is replaced
 */
export function publish(built: string, published: string): Plugin {
  let failed = false;
  return {
    name: "damer-publish",
    apply: "build",
    buildEnd(error) {
      failed = error !== undefined;
    },
    closeBundle() {
      if (failed) return;
      const former = `${built}.former`;
      rmSync(former, { recursive: true, force: true });
      if (existsSync(published)) renameSync(published, former);
      renameSync(built, published);
      rmSync(former, { recursive: true, force: true });
    },
  };
}
