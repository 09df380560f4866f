import assert from "node:assert/strict";
import { test } from "node:test";

import { BeforeJoins, LOOK_EVERY_MS } from "../before-joins.js";
import { ServerClock } from "../server-clock.js";
import { FakeView } from "./fake-view.js";
import { ManualRuntime, settled } from "./manual-runtime.js";

/** Somebody who came so many seconds before joins are taken, to a queue whose public state is `queue.now`. */
async function waitingFor(seconds) {
  const runtime = new ManualRuntime();
  const view = new FakeView();
  const times = (joins, opens = joins + 900) => ({
    joins_from: runtime.instant(joins),
    opens_at: runtime.instant(opens),
  });
  const queue = { now: { state: "scheduled", ...times(seconds) }, looks: 0 };
  const joins = [];
  const before = new BeforeJoins({
    view,
    clock: new ServerClock(runtime.now),
    runtime,
    askQueue: async () => {
      queue.looks += 1;
      return queue.now;
    },
    isInvited: () => queue.isInvited === true,
    onJoins: () => joins.push(runtime.now()),
  });
  before.begin(queue.now);
  await settled();
  return { runtime, view, queue, joins, times, before };
}

test("the time is counted down, and the page joins within a second after it", async () => {
  const { runtime, view, joins } = await waitingFor(125);
  const begun = runtime.now();
  assert.deepEqual([view.shown.scene, view.shown.left], ["scheduled", 125_000]);
  assert.equal(view.shown.opensAt - view.shown.joinsFrom, 900_000);
  await runtime.pass(5_000);
  assert.equal(view.shown.left, 120_000);
  await runtime.pass(121_000);
  assert.deepEqual(joins, [begun + 125_500], "a second's middle is drawn in tests");
  assert.ok(view.shown.left <= 0);
});

test("pages that wait together do not join together", async () => {
  const at = [];
  for (const drawn of [0, 0.3, 0.9]) {
    const { runtime, joins } = await waitingFor(30);
    const end = runtime.now() + 30_000;
    runtime.random = () => drawn;
    await runtime.pass(32_000);
    at.push(joins[0] - end);
  }
  assert.deepEqual(at, [0, 300, 900]);
});

test("whoever is invited goes by the times of the priority lane", async () => {
  const { runtime, view, queue, times, joins } = await waitingFor(600);
  queue.isInvited = true;
  queue.now = { ...queue.now, invitations: times(300, 360) };
  await runtime.pass(2 * LOOK_EVERY_MS);
  assert.equal(view.shown.opensAt - view.shown.joinsFrom, 60_000);
  await runtime.pass(181_000);
  assert.equal(joins.length, 1);
});

test("a queue that the operator opens earlier is joined within about a minute", async () => {
  const { runtime, queue, joins } = await waitingFor(7_200);
  assert.equal(queue.looks, 1, "the first look brings the title");
  await runtime.pass(600_000);
  assert.deepEqual([joins.length, queue.looks], [0, 1 + Math.floor(600_000 / (LOOK_EVERY_MS * 1.1))]);
  queue.now = { state: "pre_queue" };
  await runtime.pass(LOOK_EVERY_MS * 1.2);
  assert.equal(joins.length, 1);
});

test("a time that was changed is counted down anew, later or earlier", async () => {
  const { runtime, view, queue, joins, times } = await waitingFor(300);
  queue.now = { state: "scheduled", ...times(7_200) };
  await runtime.pass(100_000);
  assert.equal(view.shown.left, 7_100_000);
  await runtime.pass(300_000);
  assert.equal(joins.length, 0);
  queue.now = { state: "scheduled", ...times(200) };
  await runtime.pass(202_000);
  assert.equal(joins.length, 1);
});

test("another time for the sale alone is shown", async () => {
  const { runtime, view, queue, times } = await waitingFor(300);
  queue.now = { state: "scheduled", ...times(300, 5_000) };
  const opensAt = Date.parse(queue.now.opens_at);
  await runtime.pass(100_000);
  assert.deepEqual([view.shown.opensAt, view.shown.left], [opensAt, 200_000]);
});

test("where no time is known the page only looks", async () => {
  const { runtime, view, queue, joins } = await waitingFor(300);
  queue.now = { state: "scheduled", joins_from: null, opens_at: null };
  await runtime.pass(3_600_000);
  assert.deepEqual([view.shown.joinsFrom, view.shown.left, joins.length], [null, null, 0]);
  queue.now = { state: "open" };
  await runtime.pass(LOOK_EVERY_MS * 1.2);
  assert.equal(joins.length, 1);
});

test("a look that fails changes nothing", async () => {
  const { runtime, view, queue, joins } = await waitingFor(100);
  queue.now = null;
  await runtime.pass(90_000);
  assert.equal(view.shown.left, 10_000);
  await runtime.pass(11_000);
  assert.equal(joins.length, 1);
});

test("a time that is told once more does not put off the join that is due", async () => {
  const { runtime, before, queue, joins } = await waitingFor(10);
  runtime.random = () => 0.9;
  await runtime.pass(10_200);
  for (let time = 0; time < 3; time += 1) {
    before.begin(queue.now);
    await runtime.pass(100);
  }
  await runtime.pass(500);
  assert.equal(joins.length, 1);
});

test("a page that is looked at again counts on from the true time, and looks at once", async () => {
  const { runtime, view, before, queue, joins } = await waitingFor(300);
  runtime.sleep(200_000);
  before.wake();
  assert.equal(view.shown.left, 100_000);
  assert.equal(queue.looks, 2);
  runtime.sleep(3_600_000);
  before.wake();
  await runtime.pass(1_000);
  assert.equal(joins.length, 1);
});

test("a page that was not waiting for joins does not begin to when it is looked at", async () => {
  const { runtime, before, queue, joins } = await waitingFor(300);
  before.end();
  before.wake();
  await runtime.pass(3_600_000);
  assert.deepEqual([queue.looks, joins.length], [1, 0]);
});

test("an answer that comes when nobody waits any more is dropped", async () => {
  const { runtime, before, queue, joins } = await waitingFor(300);
  queue.now = { state: "open" };
  before.wake();
  before.end();
  await runtime.pass(1_000);
  assert.deepEqual([queue.looks, joins.length], [2, 0]);
});

test("what the operator says to those who wait for joins is shown, and how the queue opens", async () => {
  const { runtime, view, queue } = await waitingFor(300);
  assert.equal(view.shown.opening, null);
  queue.now = { ...queue.now, opening: "draw", message: "Doors at eight" };
  await runtime.pass(LOOK_EVERY_MS * 1.5);
  assert.deepEqual([view.shown.opening, view.message], ["draw", "Doors at eight"]);
  queue.now = { ...queue.now, message: null };
  await runtime.pass(LOOK_EVERY_MS * 1.5);
  assert.equal(view.message, null);
});
