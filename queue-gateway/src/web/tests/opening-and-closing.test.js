import assert from "node:assert/strict";
import { test } from "node:test";

import { refused, tooEarly, waiting } from "./fake-gateway.js";
import { ManualRuntime, settled } from "./manual-runtime.js";
import { rooms } from "./rooms.js";

const preQueue = (position, opensAt, more) =>
  waiting(position, { state: "pre_queue", opening: "fifo", opens_at: opensAt, wait_seconds: null, ...more });

const inDraw = (number, opensAt, more) =>
  preQueue(null, opensAt, { opening: "draw", behind: null, number, ...more });

/** Polls are answered truly before the opening and after it, and are so seldom that none hears of it by accident. */
function pollsSeldom({ runtime, gateway }, opens) {
  gateway.currentPlace = async () => {
    gateway.calls.push("currentPlace");
    return { place: runtime.now() < Date.parse(opens) ? preQueue(5, opens) : waiting(5), askAgainSeconds: 60 };
  };
}

/** Lets stream after stream bring nothing, until the page polls every four seconds or so. */
async function untilPolling({ runtime, view }) {
  await runtime.pass(60_000);
  assert.equal(view.connection, "polling");
}

test("a visitor of the pre-queue counts down to the opening, and then the line begins", async () => {
  const opens = new ManualRuntime().instant(125);
  const { runtime, view, streams, gateway } = await rooms({ joins: preQueue(5, opens, { fresh: true }) });
  assert.deepEqual([view.shown.scene, view.shown.state, view.shown.position], ["waiting", "pre_queue", 5]);
  assert.equal(view.shown.left, 125_000);
  streams.last.says("position", preQueue(4, opens));
  await runtime.pass(25_000);
  assert.deepEqual([view.shown.position, view.shown.first, view.shown.left], [4, 5, 100_000]);
  for (let seconds = 25; seconds < 130; seconds += 15) {
    streams.last.says("ping");
    await runtime.pass(15_000);
  }
  assert.ok(view.shown.left <= 0);
  streams.last.says("position", waiting(4));
  await runtime.pass(10_000);
  assert.deepEqual([view.shown.state, view.shown.left, view.shown.position], ["waiting", null, 4]);
  assert.equal(gateway.count("currentPlace"), 0, "the stream tells it: nobody asks");
});

test("an opening that is put off, or comes early, is counted down anew", async () => {
  const start = new ManualRuntime();
  const { runtime, view, streams } = await rooms({ joins: preQueue(5, start.instant(60), { fresh: true }) });
  streams.last.says("position", preQueue(5, runtime.instant(3_600), { state: "scheduled" }));
  await runtime.pass(10_000);
  assert.deepEqual([view.shown.state, view.shown.left], ["scheduled", 3_590_000]);
  streams.last.says("position", preQueue(5, runtime.instant(20)));
  assert.equal(view.shown.left, 20_000);
});

test("an opening that moves within the pre-queue is counted down to its new time", async () => {
  const start = new ManualRuntime();
  const { runtime, view, streams } = await rooms({ joins: inDraw(17, start.instant(60), { fresh: true }) });
  await runtime.pass(10_000);
  assert.equal(view.shown.left, 50_000);
  streams.last.says("position", inDraw(17, runtime.instant(600)));
  assert.deepEqual([view.shown.state, view.shown.left], ["pre_queue", 600_000]);
  await runtime.pass(30_000);
  streams.last.says("ping");
  await runtime.pass(25_000);
  assert.deepEqual([view.shown.left, view.shown.number], [545_000, 17], "the old time is forgotten");
});

test("the draw decides the place: what was shown before does not hold it down", async () => {
  const start = new ManualRuntime();
  const { view, streams, progress } = await rooms({ joins: preQueue(2, start.instant(60), { fresh: true }) });
  assert.equal(view.shown.position, 2);
  streams.last.says("position", inDraw(17, start.instant(60)));
  assert.deepEqual([view.shown.position, view.shown.number], [null, 17]);
  assert.ok(progress.known, "a reload asks for the place");
  streams.last.says("position", waiting(900, { number: 17 }));
  assert.deepEqual([view.shown.position, view.shown.first, view.shown.number], [900, 900, 17]);
});

test("whoever polls hears of the opening as soon as whoever has a stream", async () => {
  const opens = new ManualRuntime().instant(300);
  const the = await rooms({ joins: preQueue(5, opens, { fresh: true }) });
  const { runtime, gateway, view } = the;
  pollsSeldom(the, opens);
  await untilPolling(the);
  await runtime.pass(Date.parse(opens) - runtime.now() - 10_000);
  const asked = gateway.count("currentPlace");
  assert.equal(view.shown.left, 10_000);
  await runtime.pass(10_400);
  assert.equal(gateway.count("currentPlace"), asked, "all of them are spread over a second");
  await runtime.pass(600);
  assert.deepEqual([view.shown.state, gateway.count("currentPlace") - asked], ["waiting", 1]);
});

test("a gateway that opens late is asked with growing pauses", async () => {
  const opens = new ManualRuntime().instant(60);
  const the = await rooms({ joins: preQueue(5, opens, { fresh: true }) });
  the.gateway.currentPlace = async () => {
    the.gateway.calls.push("currentPlace");
    return { place: preQueue(5, opens), askAgainSeconds: 60 };
  };
  await untilPolling(the);
  const before = the.gateway.count("currentPlace");
  await the.runtime.pass(300_000);
  const asked = the.gateway.count("currentPlace") - before;
  assert.ok(asked > 300 / 40 && asked < 300 / 12, String(asked));
});

test("a page that polls, is hidden over the opening and is looked at again, asks at once", async () => {
  const opens = new ManualRuntime().instant(300);
  const the = await rooms({ joins: preQueue(5, opens, { fresh: true }) });
  pollsSeldom(the, opens);
  await untilPolling(the);
  await the.runtime.pass(Date.parse(opens) - the.runtime.now() - 5_000);
  the.room.wake(false);
  await settled();
  // It has just been heard of, so the live line by itself sees no need to ask.
  the.runtime.sleep(10_000);
  the.room.wake(false);
  await the.runtime.pass(1_000);
  assert.equal(the.view.shown.state, "waiting");
});

test("a tab that is looked at has the leading one ask, whose timers sleep", async () => {
  const opens = new ManualRuntime().instant(80);
  const the = await rooms({ joins: preQueue(5, opens, { fresh: true }), hidden: [true, false] });
  const { runtime, gateway, tabs } = the;
  pollsSeldom(the, opens);
  await untilPolling(the);
  runtime.sleep(30_000);
  const asked = gateway.count("currentPlace");
  tabs[1].room.wake(false);
  await runtime.pass(600);
  assert.equal(gateway.count("currentPlace"), asked + 1);
  assert.deepEqual(tabs.map(({ view }) => view.shown.state), ["waiting", "waiting"]);
});

test("polls of the pre-queue do not ask for the public state each time", async () => {
  const opens = new ManualRuntime().instant(3_600);
  const the = await rooms({ joins: inDraw(17, opens, { fresh: true }) });
  the.gateway.will("currentPlace", inDraw(17, opens));
  await untilPolling(the);
  await the.runtime.pass(60_000);
  assert.equal(the.gateway.count("publicState"), 1);
});

test("whoever comes before joins are taken waits for them with the queue's title, and joins", async () => {
  const { runtime, gateway, view, room } = await rooms();
  const joinsFrom = runtime.instant(90);
  const opensAt = runtime.instant(900);
  gateway.will("publicState", { title: "Spring tour", state: "scheduled", joins_from: joinsFrom, opens_at: opensAt });
  gateway.will("currentPlace", refused(401, "waiting_token_missing"));
  gateway.will("join", tooEarly(joinsFrom, opensAt), preQueue(5, opensAt, { fresh: true }));
  room.join();
  await settled();
  assert.deepEqual([view.shown.scene, view.shown.left, view.queue], ["scheduled", 90_000, "Spring tour"]);
  await runtime.pass(91_000);
  assert.deepEqual([view.shown.scene, view.shown.state], ["waiting", "pre_queue"]);
});

test("a page that slept until joins were taken joins as soon as it is looked at", async () => {
  const { runtime, gateway, view, room } = await rooms();
  const joinsFrom = runtime.instant(90);
  gateway.will("publicState", { title: "Demo", state: "scheduled", joins_from: joinsFrom, opens_at: null });
  gateway.will("currentPlace", refused(401, "waiting_token_missing"));
  gateway.will("join", tooEarly(joinsFrom, null), waiting(5, { fresh: true }));
  room.join();
  await settled();
  runtime.sleep(120_000);
  room.wake(false);
  await runtime.pass(1_000);
  assert.deepEqual([view.shown.scene, view.shown.state], ["waiting", "waiting"]);
});

test("a queue that closes is told in every tab with the way to the site, and the place is not forgotten", async () => {
  const { tabs, streams, gateway, progress } = await rooms({ hidden: [false, true] });
  const asked = gateway.calls.length;
  streams.last.says("closed", { state: "closed", redirect_to: "/shop", message: "Thank you all" });
  assert.deepEqual(tabs.map(({ view }) => [view.shown.scene, view.shown.site, view.message]),
    [["closed", "/shop", "Thank you all"], ["closed", "/shop", "Thank you all"]]);
  assert.ok(progress.known);
  assert.equal(streams.last.readyState, 2, "nothing is followed any more");
  assert.equal(gateway.calls.length, asked);
});

test("whoever polls is told as well that the queue closed, and is not asked to poll on", async () => {
  const the = await rooms();
  await untilPolling(the);
  the.gateway.will("currentPlace", { state: "closed", redirect_to: "/shop" });
  await the.runtime.pass(10_000);
  assert.equal(the.view.shown.scene, "closed");
  const asked = the.gateway.count("currentPlace");
  await the.runtime.pass(600_000);
  assert.equal(the.gateway.count("currentPlace"), asked);
});

test("a queue that opens again gives the place back to every tab, whichever asks", async () => {
  const { tabs, streams, gateway } = await rooms({ hidden: [false, true] });
  streams.last.says("closed", { state: "closed", redirect_to: "/shop" });
  gateway.will("currentPlace", { state: "closed", redirect_to: "/shop" }, waiting(3));
  tabs[1].room.joinAgain();
  await settled();
  assert.deepEqual(tabs.map(({ view }) => view.shown.scene), ["closed", "closed"]);
  gateway.will("publicState", { title: "Second night", state: "open" });
  tabs[1].room.joinAgain();
  await settled();
  assert.deepEqual(tabs.map(({ view }) => view.shown.position), [3, 3]);
  assert.deepEqual(tabs.map(({ view }) => view.queue), ["Second night", "Second night"]);
  assert.equal(tabs[0].streams.opened.length, 2, "the leading tab follows the line for both");
});

test("a tab that learns that its place is gone leaves the others at what they know", async () => {
  const { tabs, streams, gateway } = await rooms({ hidden: [false, true] });
  streams.last.says("closed", { state: "closed", redirect_to: "/shop" });
  gateway.will("currentPlace", { state: "left", reason: "revoked" });
  tabs[1].room.joinAgain();
  await settled();
  assert.deepEqual(tabs.map(({ view }) => view.shown.scene), ["closed", "gone"]);
});

test("a tab that comes back to its place does not disturb those that follow it", async () => {
  const { tabs, streams, browser, gateway } = await rooms({ hidden: [false, false] });
  streams.last.says("position", waiting(2));
  const asked = gateway.calls.length;
  browser.spread(null, "joined", { place: waiting(5), fresh: false });
  await settled();
  assert.deepEqual([tabs[0].view.shown.position, gateway.calls.length], [2, asked]);
});

test("nothing is counted down for a place that is gone", async () => {
  const opens = new ManualRuntime().instant(60);
  const { runtime, view, streams } = await rooms({ joins: preQueue(5, opens, { fresh: true }) });
  streams.last.says("closed", { state: "left", reason: "revoked" });
  await runtime.pass(120_000);
  assert.deepEqual([view.shown.scene, view.shown.reason], ["gone", "revoked"]);
});

test("after the draw a page fetches its place once, some time within half a minute", async () => {
  const opens = new ManualRuntime().instant(60);
  const { runtime, gateway, streams } = await rooms({ joins: inDraw(17, opens, { fresh: true }) });
  gateway.will("currentPlace", waiting(900, { number: 17 }));
  streams.last.says("position", inDraw(17, opens));
  assert.equal(gateway.count("currentPlace"), 0);
  streams.last.says("position", waiting(900, { number: 17 }));
  streams.last.says("position", waiting(890, { number: 17 }));
  assert.equal(gateway.count("currentPlace"), 0, "all of them are spread");
  for (const _ of [1, 2, 3]) {
    await runtime.pass(10_000);
    streams.last.says("ping");
  }
  assert.equal(gateway.count("currentPlace"), 1);
});

test("a gateway that is away when a page fetches its drawn place costs nothing", async () => {
  const opens = new ManualRuntime().instant(60);
  const { runtime, gateway, streams, view } = await rooms({ joins: inDraw(17, opens, { fresh: true }) });
  gateway.will("currentPlace", refused(503, "store_unavailable"));
  streams.last.says("position", waiting(900, { number: 17 }));
  for (const _ of [1, 2, 3]) {
    await runtime.pass(10_000);
    streams.last.says("ping");
  }
  assert.equal(gateway.count("currentPlace"), 1);
  assert.equal(view.shown.position, 900);
});

test("what decides a draw is told as soon as it is known", async () => {
  const opens = new ManualRuntime().instant(60);
  const { view, gateway, room } = await rooms({ joins: inDraw(17, opens, { fresh: true }) });
  assert.equal(view.shown.draw, null);
  gateway.will("publicState", { title: "Demo", state: "pre_queue", draw: { beacon_source: "drand" } });
  gateway.will("currentPlace", inDraw(17, opens));
  room.joinAgain();
  await settled();
  assert.deepEqual(view.shown.draw, { beacon_source: "drand" });
});
