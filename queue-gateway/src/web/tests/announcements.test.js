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
