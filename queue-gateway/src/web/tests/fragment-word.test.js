import assert from "node:assert/strict";
import { test } from "node:test";

import { FragmentWord } from "../fragment-word.js";

/** What is known after the page was opened at an address, and what stands in the address bar then. */
function opened(address) {
  const word = new FragmentWord("join_token");
  let shown = address;
  const taken = word.take(new URL(address, "ws://gateway"), (replaced) => (shown = replaced));
  return { word, taken, shown };
}

test("a word is taken from the address, and stands there no more", () => {
  const { word, taken, shown } = opened("/waiting-room/demo?from=mail#join_token=ey.J-_.x");
  assert.deepEqual([word.value, taken, shown], ["ey.J-_.x", true, "/waiting-room/demo?from=mail"]);
  word.drop();
  assert.equal(word.value, null);
});

test("an address without it stays as it is", () => {
  for (const address of ["/waiting-room/demo", "/waiting-room/demo#top", "/waiting-room/demo?join_token=x"]) {
    const { word, taken, shown } = opened(address);
    assert.deepEqual([word.value, taken, shown], [null, false, address]);
  }
});

test("an empty word is none", () => {
  const { word, shown } = opened("/waiting-room/demo#join_token=");
  assert.deepEqual([word.value, shown], [null, "/waiting-room/demo"]);
});

test("a newer word takes the older one's place", () => {
  const { word } = opened("/waiting-room/demo#join_token=old");
  const later = { hash: "", pathname: "/waiting-room/demo", search: "" };
  word.take(later, () => {});
  assert.equal(word.value, "old", "an address without one says nothing");
  word.take({ ...later, hash: "#join_token=new" }, () => {});
  assert.equal(word.value, "new");
});

test("two words are each taken by their own key", () => {
  const address = { hash: "#invitation=ey.I&join_token=ey.J", pathname: "/waiting-room/demo", search: "" };
  let shown = null;
  const invitation = new FragmentWord("invitation");
  invitation.take(address, (replaced) => (shown = replaced));
  assert.deepEqual([invitation.value, shown], ["ey.I", "/waiting-room/demo#join_token=ey.J"]);
});
