import assert from "node:assert/strict";
import { test } from "node:test";

import { backOff, jittered, withinASecond } from "../pauses.js";

test("pauses double, stay within half a minute, and are random in their upper half", () => {
  assert.deepEqual([1, 2, 3].map((failures) => backOff(failures, () => 0)), [1_000, 2_000, 4_000]);
  assert.ok(backOff(50, () => 0.999) <= 30_000);
  assert.equal(backOff(50, () => 0), 15_000);
  assert.equal(backOff(3, () => 0.5), 6_000);
});

test("a spread pause is never shorter than asked, and at most a fifth longer", () => {
  assert.equal(jittered(5_000, () => 0), 5_000);
  assert.ok(jittered(5_000, () => 0.999) <= 6_000);
});

test("those who wait for the same instant are spread over a second", () => {
  assert.deepEqual([0, 0.5, 0.999].map((drawn) => withinASecond(() => drawn)), [0, 500, 999]);
});
