import assert from "node:assert/strict";
import { test } from "node:test";

import {
  behindInWords,
  count,
  countdownInWords,
  instantInWords,
  lessThanInWords,
  minutesAndSeconds,
  queueInWords,
  waitInWords,
} from "../words.js";

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

test("a countdown is rounded up, and tells less the longer it is", () => {
  const shown = (seconds) => countdownInWords(seconds * 1000).replaceAll("\u00a0", " ");
  assert.deepEqual([-5, 0, 0.2, 59, 59.5].map(shown), ["0 s", "0 s", "1 s", "59 s", "1 min 00 s"]);
  assert.deepEqual([125, 3599, 3600, 3601].map(shown), ["2 min 05 s", "59 min 59 s", "1 h 00 min", "1 h 01 min"]);
  const hour = 3600;
  assert.deepEqual(
    [23.5 * hour, 24 * hour - 1, 24 * hour, 27.5 * hour, 48 * hour, 75 * hour].map(shown),
    ["23 h 30 min", "1 day", "1 day", "1 day 4 h", "2 days", "3 days 3 h"],
  );
});

test("a countdown stays on one line", () => {
  for (const seconds of [9, 125, 7_300, 100_000, 200_000]) assert.doesNotMatch(countdownInWords(seconds * 1000), / /);
});

test("a voice says few steps of a countdown, each of them true", () => {
  const said = (seconds) => lessThanInWords(seconds * 1000);
  assert.deepEqual([3, 11, 60, 61].map(said), [
    "less than 10 seconds",
    "less than 30 seconds",
    "less than a minute",
    "less than 2 minutes",
  ]);
  assert.deepEqual([3_600, 3_601, 24 * 3_600, 25 * 3_600].map(said), [
    "less than an hour",
    "less than 2 hours",
    "less than 24 hours",
    "less than 2 days",
  ]);
  const lastHour = new Set(Array.from({ length: 3_600 }, (_, second) => said(second + 1)));
  assert.equal(lastHour.size, 8);
});

test("an instant is told by the visitor's clock, with the day unless it is today", () => {
  const instant = Date.parse("2027-01-15T22:30:00Z");
  const told = (hours, locale, timeZone) => instantInWords(instant, hours * 3_600_000, { locale, timeZone });
  assert.equal(told(1, "en-GB", "UTC"), "at 22:30");
  assert.match(told(1, "en-GB", "Asia/Tokyo"), /^at 0?7:30$/);
  assert.match(told(1, "en-US", "America/New_York"), /^at 5:30\sPM$/);
  assert.match(told(23, "en-GB", "UTC"), /^on Fri,? 15 Jan,? (at )?22:30$/);
  assert.match(told(8, "en-GB", "Asia/Tokyo"), /^on Sat,? 16 Jan,? (at )?0?7:30$/, "today there began meanwhile");
  assert.match(told(24 * 30, "en-GB", "UTC"), /15 Jan 2027/);
  assert.match(told(24, "de-DE", "Europe/Berlin"), /15\. Jan/);
});
