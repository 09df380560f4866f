import assert from "node:assert/strict";
import { test } from "node:test";

import { behindInWords, count, minutesAndSeconds, queueInWords, waitInWords } from "../words.js";

test("large numbers are grouped", () => {
  assert.equal(count(1_234_567), "1,234,567");
});

test("nobody, one and many stand behind", () => {
  assert.deepEqual([0, 1, 12_345].map(behindInWords), ["nobody yet", "1 person", "12,345 people"]);
});

test("a wait is a range whose ends are rounded up", () => {
  const words = (p50, p90) => waitInWords({ p50, p90 });
  assert.equal(waitInWords(null), "not known yet");
  assert.equal(words(3, 10), "a few seconds");
  assert.equal(words(20, 60), "less than a minute");
  assert.equal(words(50, 61), "about 1\u20132 minutes");
  assert.equal(words(55, 60 * 2), "about 1\u20132 minutes");
  assert.equal(words(61, 62), "about 2 minutes");
  assert.equal(words(21 * 60, 41 * 60), "about 25\u201345 minutes");
});

test("a long wait is told in half hours", () => {
  const words = (p50, p90) => waitInWords({ p50, p90 });
  assert.equal(words(1500, 91 * 60), "about \u00bd\u20132 hours");
  assert.equal(words(3600, 2 * 3600 + 1), "about 1\u20132\u00bd hours");
  assert.equal(words(3 * 3600, 3 * 3600), "about 3 hours");
});

test("the time that is left is never shown too long ago, nor negative", () => {
  assert.deepEqual([180_000, 59_001, 1, 0, -5_000].map(minutesAndSeconds), ["3:00", "1:00", "0:01", "0:00", "0:00"]);
});

test("a queue without a title is named by its slug", () => {
  assert.equal(queueInWords("spring-tour-2027"), "Spring tour 2027");
  assert.equal(queueInWords(""), "");
});
