import assert from "node:assert/strict";
import { test } from "node:test";

import { JoinToken } from "../join-token.js";

/** What is known after the page was opened at an address, and what stands in the address bar then. */
function opened(address) {
  const joinToken = new JoinToken();
  let shown = address;
  const taken = joinToken.take(new URL(address, "ws://gateway"), (replaced) => (shown = replaced));
  return { joinToken, taken, shown };
}

test("the token is taken from the address, and stands there no more", () => {
  const { joinToken, taken, shown } = opened("/waiting-room/demo?from=mail#join_token=ey.J-_.x");
  assert.deepEqual([joinToken.value, taken, shown], ["ey.J-_.x", true, "/waiting-room/demo?from=mail"]);
  joinToken.drop();
  assert.equal(joinToken.value, null);
});

test("an address without a token stays as it is", () => {
  for (const address of ["/waiting-room/demo", "/waiting-room/demo#top", "/waiting-room/demo?join_token=x"]) {
    const { joinToken, taken, shown } = opened(address);
    assert.deepEqual([joinToken.value, taken, shown], [null, false, address]);
  }
});

test("an empty token is none", () => {
  const { joinToken, shown } = opened("/waiting-room/demo#join_token=");
  assert.deepEqual([joinToken.value, shown], [null, "/waiting-room/demo"]);
});

test("a newer token takes the older one's place", () => {
  const { joinToken } = opened("/waiting-room/demo#join_token=old");
  const later = { hash: "", pathname: "/waiting-room/demo", search: "" };
  joinToken.take(later, () => {});
  assert.equal(joinToken.value, "old", "an address without one says nothing");
  joinToken.take({ ...later, hash: "#join_token=new" }, () => {});
  assert.equal(joinToken.value, "new");
});
