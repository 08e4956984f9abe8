import { expect, test } from "vitest";
import { notices, packageOf } from "../licences";

test("a file of a package leads to what the package says of itself", () => {
  const found = packageOf(`${process.cwd()}/node_modules/preact/hooks/dist/hooks.module.js`);
  expect(found).toMatchObject({ name: "preact", licence: "MIT" });
  expect(found?.text).toContain("Jason Miller");
  expect(packageOf(`${process.cwd()}/src/main.tsx`)).toBeNull();
});

test("copyleft, an unknown licence and a missing text stop the build", () => {
  const good = { name: "a", version: "1.0.0", licence: "MIT", text: "The MIT License" };
  expect(notices([good])).toContain("a 1.0.0 (MIT)");
  for (const licence of ["GPL-3.0", "LGPL-2.1", "MPL-2.0", "", "MIT OR GPL-3.0"]) {
    expect(() => notices([{ ...good, licence }])).toThrow("may not be bundled");
  }
  expect(() => notices([{ ...good, text: "" }])).toThrow("no licence text");
});
