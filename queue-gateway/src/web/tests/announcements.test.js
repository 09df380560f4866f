import assert from "node:assert/strict";
import { test } from "node:test";

import { Announcements } from "../announcements.js";

test("a topic is spoken of at once, and again only now and then", () => {
  const spoken = [];
  let now = 0;
  const announcements = new Announcements(() => now, (text) => spoken.push(text));
  announcements.announce("Place 9", "waiting");
  now = 29_000;
  announcements.announce("Place 8", "waiting");
  announcements.announce("Paused");
  announcements.announce("Place 7", "waiting");
  now = 60_000;
  announcements.announce("Place 6", "waiting");
  assert.deepEqual(spoken, ["Place 9", "Paused", "Place 7", "Place 6"]);
});

function spoken() {
  const texts = [];
  let now = 0;
  const announcements = new Announcements(() => now, (text) => texts.push(text));
  return { announcements, texts, pass: (milliseconds) => (now += milliseconds) };
}

test("a countdown is spoken of as a whole once, and then of each step once", () => {
  const { announcements, texts, pass } = spoken();
  for (const step of ["5 minutes", "5 minutes", "2 minutes", "2 minutes", "1 minute"]) {
    announcements.announceStep(step, "opening", `Opens in ${step}, at 10:00`);
    pass(60_000);
  }
  assert.deepEqual(texts, ["Opens in 5 minutes, at 10:00", "2 minutes", "1 minute"]);
  announcements.announceStep("1 minute", "put off", "Put off");
  assert.equal(texts.at(-1), "Put off");
});

test("what is said besides the topic does not make it be said again", () => {
  const { announcements, texts, pass } = spoken();
  announcements.announce("Place 9", "waiting");
  pass(20_000);
  announcements.interject("Back in five minutes");
  pass(20_000);
  announcements.announce("Place 8", "waiting");
  announcements.announceStep("a", "opening", "Opens");
  announcements.interject("Soon");
  announcements.announceStep("a", "opening", "Opens");
  assert.deepEqual(texts, ["Place 9", "Back in five minutes", "Opens", "Soon"]);
});

test("whoever asks is answered, also with what was said last", () => {
  const { announcements, texts } = spoken();
  announcements.announce("The sale is closed");
  announcements.clear();
  announcements.announce("The sale is closed");
  assert.deepEqual(texts, ["The sale is closed", "", "The sale is closed"]);
});
