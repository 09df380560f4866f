import assert from "node:assert/strict";
import { test } from "node:test";

import { View } from "../view.js";
import { FakeDocument } from "./fake-elements.js";
import { refused, waiting } from "./fake-gateway.js";
import { ManualRuntime } from "./manual-runtime.js";

function drawn() {
  const page = new FakeDocument();
  const runtime = new ManualRuntime();
  const element = (id) => page.getElementById(id);
  const buttons = () => ["enter", "to-site", "join-again", "try-again"].filter((id) => !element(id).hidden);
  const facts = () => ["place", "walk", "wait-fact", "behind-fact", "number-fact"].filter((id) => !element(id).hidden);
  return { view: new View(page, runtime.now), runtime, page, element, buttons, facts };
}

test("a computation is drawn as it goes on, and spoken of once", async () => {
  const { view, runtime, element } = drawn();
  for (const [share, percent] of [[0, "0"], [0.5, "50"], [0.999, "99"], [4, "99"]]) {
    view.showComputing(share);
    assert.equal(element("work-progress").getAttribute("aria-valuenow"), percent);
    await runtime.pass(60_000);
  }
  assert.match(element("work-progress").getAttribute("aria-valuetext"), /luck/);
  assert.equal(element("announcements").history.length, 1);
  assert.match(element("announcements").textContent, /Your browser has to do a short calculation/);
});

test("the computation is seen while it goes on alone", () => {
  const { view, element, buttons } = drawn();
  view.showComputing(0);
  assert.deepEqual([element("work").hidden, element("waiting").hidden, buttons()], [false, true, []]);
  view.showWaiting({ ...waiting(3), wait: null, first: 3 });
  assert.deepEqual([element("work").hidden, element("waiting").hidden], [true, false]);
  view.showJoining();
  assert.equal(element("work").hidden, true);
});

test("whoever only the site can help gets a link there where it is known, and no try that is bound to fail", () => {
  const { view, element, buttons } = drawn();
  view.showTrouble(refused(401, "join_token_required"), undefined, null);
  assert.deepEqual(buttons(), []);
  view.showTrouble(refused(401, "join_token_expired"), undefined, "/shop");
  assert.deepEqual([buttons(), element("to-site").href], [["to-site"], "/shop"]);
  view.showTrouble(refused(428, "proof_of_work_required"), undefined, "/shop");
  assert.deepEqual(buttons(), ["try-again"]);
});

test("whoever brought an invitation that gives no place is offered the line itself", () => {
  const { view, buttons } = drawn();
  view.showTrouble(refused(409, "invitation_used"), undefined, null);
  assert.deepEqual(buttons(), ["join-again"]);
});

/** A place in a line that is opened in so many seconds. */
function beforeOpening(runtime, seconds, more) {
  const left = seconds * 1000;
  const place = waiting(3, { state: "pre_queue", opening: "fifo", first: 3, wait: null, ...more });
  return { ...place, opensAt: runtime.now() + left, left };
}

test("before the opening a countdown stands where the wait is else, and nothing moves", () => {
  const { view, runtime, element, facts } = drawn();
  view.showWaiting(beforeOpening(runtime, 125));
  assert.equal(element("wait-label").textContent, "Opens in");
  assert.equal(element("wait").textContent, "2\u00a0min\u00a005\u00a0s");
  assert.equal(element("position").textContent, "3");
  assert.deepEqual(facts(), ["place", "wait-fact", "behind-fact"]);
  view.showWaiting({ ...waiting(3), wait: null, first: 3 });
  assert.equal(element("wait-label").textContent, "Expected wait");
  assert.deepEqual(facts(), ["place", "walk", "wait-fact", "behind-fact"]);
});

test("whoever is in the draw sees a number and no place, and after the draw both", () => {
  const { view, runtime, element, facts } = drawn();
  const drawing = { opening: "draw", position: null, first: null, behind: 0, number: 1_017 };
  view.showWaiting(beforeOpening(runtime, 125, drawing));
  assert.deepEqual(facts(), ["wait-fact", "number-fact"]);
  assert.equal(element("number").textContent, "1,017");
  assert.match(element("leave-warning").textContent, /number in the draw/);
  view.showWaiting({ ...waiting(70, { number: 1_017 }), wait: null, first: 70 });
  assert.deepEqual(facts(), ["place", "walk", "wait-fact", "behind-fact", "number-fact"]);
  assert.match(element("leave-warning").textContent, /person behind you/);
});

test("a countdown is seen every second, and heard in few steps", async () => {
  const { view, runtime, element } = drawn();
  const opensAt = runtime.now() + 600_000;
  const seen = new Set();
  for (let left = 600_000; left >= 0; left -= 1_000) {
    view.showWaiting(beforeOpening(runtime, left / 1_000));
    seen.add(element("wait").textContent);
    await runtime.pass(1_000);
  }
  assert.equal(runtime.now(), opensAt + 1_000);
  assert.equal(seen.size, 601);
  const heard = element("announcements").history;
  assert.match(heard[0], /^The sale has not begun yet\. .*Your place is 3\. It opens in less than 10 minutes\.$/);
  assert.deepEqual(heard.slice(1, -1), [
    "It opens in less than 5 minutes.",
    "It opens in less than 2 minutes.",
    "It opens in less than a minute.",
    "It opens in less than 30 seconds.",
    "It opens in less than 10 seconds.",
  ]);
  assert.match(heard.at(-1), /^The sale is about to begin\./);
});

test("before joins are taken the headline counts down, without a button, and is heard in few steps", async () => {
  const { view, runtime, page, element, buttons } = drawn();
  const joinsFrom = runtime.now() + 120_000;
  for (let left = 120_000; left >= -1_000; left -= 1_000) {
    view.showBeforeJoins({ joinsFrom, opensAt: null, left });
    if (left === 65_000) {
      assert.equal(element("state").textContent, "The waiting room opens in 1\u00a0min\u00a005\u00a0s");
      assert.match(page.title, /^Opens at .* Waiting room$/);
    }
    await runtime.pass(1_000);
  }
  assert.deepEqual([element("waiting").hidden, element("footing").hidden, buttons()], [true, true, []]);
  const heard = element("announcements").history;
  assert.match(heard[0], /^The waiting room opens in less than 2 minutes\. It opens at .*by itself/);
  assert.equal(heard.length, 5);
  assert.match(heard.at(-1), /^The waiting room is opening\./);
});

test("an operator's message between two seconds of a countdown is not talked over", async () => {
  const { view, runtime, element } = drawn();
  view.showWaiting(beforeOpening(runtime, 300));
  view.showMessage("Please have your ticket ready");
  for (let left = 299; left > 200; left -= 1) {
    await runtime.pass(1_000);
    view.showWaiting(beforeOpening(runtime, left));
  }
  assert.equal(element("announcements").textContent, "Please have your ticket ready");
});

test("whoever comes too late is led to the site first, and may quietly try again", () => {
  const { view, element, buttons } = drawn();
  const classes = () => buttons().map((id) => element(id).className);
  for (const code of ["queue_draining", "queue_closed"]) {
    view.showTrouble(refused(409, code), undefined, "/shop");
    assert.deepEqual([buttons(), classes()], [["to-site", "try-again"], ["button", "quiet"]]);
    assert.equal(element("to-site").href, "/shop");
  }
  view.showClosed("/shop");
  assert.deepEqual([buttons(), classes()], [["to-site", "try-again"], ["button", "quiet"]]);
  view.showClosed(null);
  assert.deepEqual([buttons(), classes()], [["try-again"], ["quiet"]]);
  view.showTrouble(refused(503), 4);
  assert.deepEqual([buttons(), classes()], [["try-again"], ["button"]]);
});

test("a queue that closed is told in the same words to those who had a place and those who come", () => {
  const { view, page, element } = drawn();
  view.showTrouble(refused(410, "queue_closed"), undefined, "/shop");
  const told = [element("state").textContent, element("lead").textContent];
  view.showClosed("/shop");
  assert.deepEqual([element("state").textContent, element("lead").textContent], told);
  assert.equal(page.title, "The sale is closed");
});

test("whoever asks once more is answered aloud, also when nothing has changed", () => {
  const { view, element } = drawn();
  view.showClosed("/shop");
  view.showJoining();
  view.showClosed("/shop");
  const spoken = element("announcements").history.filter(Boolean);
  assert.equal(spoken.length, 2);
  assert.equal(spoken[0], spoken[1]);
});
