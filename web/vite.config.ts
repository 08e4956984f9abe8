import { defineConfig } from "vitest/config";
import { licences } from "./licences.ts";
import { publish } from "./publish.ts";

/** Where `damer annotate serve` looks for the pages; shipped in the wheel. */
const STATIC = "../src/damer/annotation/server/static";
const BUILT = "dist";

export default defineConfig({
  // A development server (`npm run dev`) passes API calls on to `damer annotate serve`.
  server: { proxy: { "/api": process.env.DAMER_API ?? "http://127.0.0.1:8642" } },
  plugins: [licences(), publish(BUILT, STATIC)],
  build: {
    outDir: BUILT,
    emptyOutDir: true,
    target: ["chrome111", "firefox115", "safari16.4"],
    // Under `default-src 'self'` nothing may be inlined: neither data: images nor a polyfill's script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}", "tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    // Two cores serve several processes at once in continuous integration.
    maxWorkers: 2,
    testTimeout: 20_000,
  },
});
