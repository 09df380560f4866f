import assert from "node:assert/strict";
import { test } from "node:test";

import { faultsOf } from "./page-lint.mjs";

const HEAD = "// What it is for.\n\n";

/** The faults of a module that holds these lines under its heading. */
function faults(code, name = "example.js") {
  return faultsOf(name, `${HEAD}${code}\n`).map(({ line, fault }) => `${line}: ${fault}`);
}

test("a module that keeps to the rules has no fault", () => {
  const code = [
    'import { one, two as second } from "./numbers.js";',
    "",
    "/** Their sum. Never taken from Math.random(), as https://example.test says. */",
    "export function sum() {",
    "  return one === second ? 2 * one : one + second; // not the document.title",
    "}",
  ];
  assert.deepEqual(faults(code.join("\n")), []);
});

test("every rule finds what it is for", () => {
  for (const line of [
    "const now = Date.now();",
    "const now = new Date();",
    "const chance = Math.random();",
    "setTimeout(step, 5);",
    "const hidden = document.hidden;",
    "element.innerHTML = text;",
    "eval(text);",
    'console.log("here");',
    "var one = 1;",
    "if (one == two) step();",
    "if (one != two) step();",
    "step(); // TODO: the rest",
    'const address = "https://example.test/";',
    "const spaces = 1; ",
    "\tconst tab = 1;",
    `const long = "${"x".repeat(120)}";`,
    'import { unused } from "./numbers.js";',
    "export function undocumented() {}",
  ]) {
    assert.equal(faults(line).length, 1, line);
    assert.match(faults(line)[0], /^3: /);
  }
});

test("a module says what it is for and ends with one line break", () => {
  assert.equal(faultsOf("example.js", "const one = 1;\n").length, 1);
  assert.equal(faultsOf("example.js", "// One.\nconst one = 1;").length, 1);
  assert.equal(faultsOf("example.js", "// One.\nconst one = 1;\n\n").length, 1);
});

test("what is one module's business is allowed there alone", () => {
  assert.deepEqual(faults("const now = Date.now();", "runtime.js"), []);
  assert.deepEqual(faults("const hidden = document.hidden;", "waiting-room.js"), []);
  assert.deepEqual(faults("const title = this.#document.title;"), []);
});

test("a name that is imported over several lines is looked for as well", () => {
  assert.deepEqual(faults('import {\n  used,\n  unused,\n} from "./numbers.js";\nused();'), [
    "3: unused is imported and not used",
  ]);
});
