import assert from "node:assert/strict";
import { test } from "node:test";

import { READ_FIRST_MS } from "../next-step.js";
import { Progress } from "../progress.js";
import { fakeStorage } from "./fake-browser.js";
import { refused, waiting } from "./fake-gateway.js";
import { ManualRuntime, settled } from "./manual-runtime.js";
import { rooms } from "./rooms.js";

const admitted = (runtime, more) => ({
  state: "admitted",
  arrive_before: runtime.instant(30),
  claim_before: runtime.instant(180),
  expires_at: runtime.instant(600),
  message: null,
  ...more,
});

test("a visitor joins, follows the line and goes in by the entrance", async () => {
  const { runtime, view, streams, gateway, wentTo, tabs } = await rooms();
  assert.deepEqual([view.shown.scene, view.shown.position, view.queue], ["waiting", 5, "Demo"]);
  streams.last.says("position", waiting(2));
  assert.deepEqual([view.shown.position, view.shown.first], [2, 5]);
  streams.last.says("admitted", admitted(runtime));
  assert.deepEqual([view.shown.scene, view.shown.entrance, wentTo], ["admitted", "/v1/queues/demo/enter", null]);
  assert.equal(streams.last.readyState, 2, "the stream is closed");
  await runtime.pass(READ_FIRST_MS);
  assert.equal(gateway.count("knock"), 1);
  assert.equal(tabs[0].wentTo, "/v1/queues/demo/enter");
});

test("whoever finds the line empty goes in without having waited", async () => {
  const the = await rooms({ joins: { ...admitted(new ManualRuntime()), fresh: true } });
  await the.runtime.pass(READ_FIRST_MS);
  assert.equal(the.tabs[0].wentTo, "/v1/queues/demo/enter");
  assert.equal(the.streams.opened.length, 0);
});

test("a hidden page that leads goes in all the same", async () => {
  const { runtime, streams, tabs } = await rooms({ hidden: [true] });
  streams.last.says("admitted", admitted(runtime));
  await runtime.pass(5_000);
  assert.equal(tabs[0].wentTo, "/v1/queues/demo/enter");
});

test("of several tabs one opens a stream, all show what it says, and the one that is looked at goes in", async () => {
  const { runtime, tabs } = await rooms({ hidden: [true, false, true] });
  assert.deepEqual(tabs.map(({ streams }) => streams.opened.length), [1, 0, 0]);
  tabs[0].streams.last.says("position", waiting(3));
  assert.deepEqual(tabs.map(({ view }) => view.shown.position), [3, 3, 3]);
  tabs[0].streams.last.says("admitted", admitted(runtime));
  await runtime.pass(10_000);
  assert.deepEqual(tabs.map(({ wentTo }) => wentTo), [null, "/v1/queues/demo/enter", null]);
  assert.deepEqual(tabs.map(({ view }) => view.shown.way), ["elsewhere", "going", "elsewhere"]);
});

test("of two windows that are both looked at one goes in", async () => {
  const { runtime, tabs } = await rooms({ hidden: [false, false] });
  tabs[0].streams.last.says("admitted", admitted(runtime));
  await runtime.pass(10_000);
  assert.equal(tabs.filter(({ wentTo }) => wentTo).length, 1);
});

test("a gateway that is away for a moment is knocked at again, before anybody leaves the page", async () => {
  const { runtime, streams, gateway, tabs } = await rooms();
  gateway.will("knock", refused(503, "store_unavailable"), refused(0), null);
  streams.last.says("admitted", admitted(runtime));
  await runtime.pass(READ_FIRST_MS);
  assert.deepEqual([tabs[0].wentTo, tabs[0].view.shown.way], [null, "late"]);
  await runtime.pass(6_000);
  assert.deepEqual([gateway.count("knock"), tabs[0].wentTo], [3, "/v1/queues/demo/enter"]);
});

test("whoever did not come in time is asked after, and stands in the line again", async () => {
  const { runtime, streams, gateway, view, tabs } = await rooms();
  gateway.will("knock", refused(0));
  streams.last.says("admitted", admitted(runtime));
  gateway.will("currentPlace", waiting(1));
  await runtime.pass(30_500);
  assert.equal(view.shown.scene, "admitted", "the gateway is given a moment");
  await runtime.pass(1_500);
  assert.deepEqual([view.shown.scene, view.shown.again, view.shown.position], ["waiting", true, 1]);
  assert.equal(streams.opened.length, 2, "the line is followed again");
  streams.last.says("position", waiting(1));
  assert.equal(view.shown.again, true, "the next word does not hide why");
  gateway.will("knock", null);
  streams.last.says("admitted", admitted(runtime));
  await runtime.pass(READ_FIRST_MS);
  assert.equal(tabs[0].wentTo, "/v1/queues/demo/enter");
});

test("a page that was reloaded after a missed call says so", async () => {
  const storage = fakeStorage();
  new Progress("demo", () => storage).call();
  const { view, gateway } = await rooms({ storage });
  assert.equal(gateway.count("join"), 0);
  assert.deepEqual([view.shown.scene, view.shown.again], ["waiting", true]);
});

test("a second missed call is told with its reason", async () => {
  const { runtime, streams, gateway, view } = await rooms();
  gateway.will("knock", refused(0));
  streams.last.says("admitted", admitted(runtime));
  gateway.will("currentPlace", refused(503), { state: "left", reason: "no_show" });
  await runtime.pass(40_000);
  assert.deepEqual([view.shown.scene, view.shown.reason], ["gone", "no_show"]);
});

test("deadlines go by the server's clock, not the machine's", async () => {
  const the = await rooms();
  // The machine is an hour ahead: by its own clock every deadline is long over.
  the.clock.learn(new Date(the.runtime.now() - 3_600_000).toUTCString(), the.runtime.now());
  the.gateway.will("knock", refused(0));
  const at = (seconds) => new Date(the.runtime.now() - 3_600_000 + seconds * 1000).toISOString();
  the.streams.last.says("admitted", { state: "admitted", arrive_before: at(30) });
  assert.ok(Math.abs(the.view.shown.left - 30_000) <= 500, String(the.view.shown.left));
});

test("the time that is left is true as soon as a hidden page is looked at", async () => {
  const { runtime, streams, gateway, room, view, tabs } = await rooms({ hidden: [true] });
  gateway.will("knock", refused(0));
  streams.last.says("admitted", admitted(runtime));
  runtime.sleep(20_000);
  tabs[0].hidden = false;
  room.wake(false);
  assert.equal(view.shown.left, 10_000);
});

test("a tab that leaves the way in to another asks when the time is over", async () => {
  const { runtime, gateway, tabs } = await rooms({ hidden: [false, true] });
  const end = runtime.now() + 180_000;
  const { arrive_before: _, ...arrived } = admitted(runtime);
  gateway.will("currentPlace", () => (runtime.now() < end ? arrived : { state: "left", reason: "released" }));
  tabs[0].streams.last.says("admitted", admitted(runtime));
  await runtime.pass(34_000);
  assert.deepEqual([tabs[1].view.shown.way, tabs[1].wentTo], ["elsewhere", null]);
  await runtime.pass(150_000);
  assert.deepEqual([tabs[1].view.shown.scene, tabs[1].view.shown.reason], ["gone", "released"]);
});

test("a tab goes in itself when the one that said so was closed on the way", async () => {
  const { runtime, gateway, tabs, browser } = await rooms({ hidden: [false, true] });
  gateway.will("knock", () => new Promise(() => {}), null);
  tabs[0].streams.last.says("admitted", admitted(runtime));
  await runtime.pass(READ_FIRST_MS);
  assert.equal(tabs[1].view.shown.way, "elsewhere");
  browser.close(0);
  tabs[1].hidden = false;
  // The line's time stood still for a while, so the turn is kept for longer.
  const longer = admitted(runtime, { arrive_before: runtime.instant(90) });
  gateway.will("currentPlace", longer);
  await runtime.pass(40_000);
  assert.equal(tabs[1].wentTo, "/v1/queues/demo/enter");
});

test("the same answer after a deadline does not make the page ask in a circle", async () => {
  const { runtime, streams, gateway } = await rooms();
  gateway.will("knock", refused(0));
  const over = admitted(runtime, { arrive_before: runtime.instant(1) });
  gateway.will("currentPlace", over);
  streams.last.says("admitted", over);
  await runtime.pass(300_000);
  const asked = gateway.count("currentPlace");
  assert.ok(asked > 5 && asked < 30, String(asked));
});

test("a page that the visitor comes back to does not take them away again", async () => {
  const { runtime, streams, gateway, room, view, tabs } = await rooms();
  streams.last.says("admitted", admitted(runtime));
  await runtime.pass(READ_FIRST_MS);
  tabs[0].wentTo = null;
  const { arrive_before: _, ...arrived } = admitted(runtime);
  gateway.will("currentPlace", arrived);
  room.wake(true);
  await runtime.pass(60_000);
  assert.deepEqual([view.shown.scene, view.shown.way, tabs[0].wentTo], ["admitted", "open", null]);
});

test("a position never rises, nor while it is being refreshed", async () => {
  const { streams, view } = await rooms();
  streams.last.says("position", waiting(2));
  streams.last.says("position", waiting(4, { refreshing: true }));
  assert.deepEqual([view.shown.position, view.shown.refreshing], [2, true]);
});

test("a parked visitor is followed, with the reason", async () => {
  const { streams, view } = await rooms();
  streams.last.says("position", waiting(1, { state: "parked", reason: "network_held_back" }));
  assert.deepEqual([view.shown.scene, view.shown.state, view.shown.reason], ["waiting", "parked", "network_held_back"]);
});

test("a pause is shown until it ends, and a message at once", async () => {
  const { streams, view } = await rooms();
  streams.last.says("paused", { paused: true, message: "Back in five minutes" });
  assert.deepEqual([view.shown.paused, view.message], [true, "Back in five minutes"]);
  streams.last.says("position", waiting(4));
  assert.deepEqual([view.shown.paused, view.message], [true, null]);
  streams.last.says("resumed", { paused: false, message: null });
  assert.equal(view.shown.paused, false);
});

test("what streams say of a line that stands still or fills no more is shown", async () => {
  const { view, streams } = await rooms();
  const flow = () => [view.shown.paused, view.shown.rejoining, view.shown.draining];
  streams.last.says("resumed", { paused: false, rejoining: true, draining: false, message: null });
  assert.deepEqual(flow(), [false, true, false]);
  streams.last.says("position", waiting(4));
  assert.deepEqual(flow(), [false, true, false], "a place says nothing of it");
  streams.last.says("resumed", { paused: false, rejoining: false, draining: true, message: null });
  assert.deepEqual(flow(), [false, false, true]);
  streams.last.says("paused", { paused: true, rejoining: false, draining: true, message: null });
  assert.deepEqual(flow(), [true, false, true]);
});

test("whoever comes back to a line that fills no more learns it from the public state", async () => {
  const { gateway, view, room } = await rooms();
  gateway.will("publicState", { title: "Demo", state: "draining" });
  room.join();
  await settled();
  assert.deepEqual([view.shown.scene, view.shown.draining, view.shown.paused], ["waiting", true, false]);
  gateway.will("publicState", { title: "Demo", state: "rejoining" });
  room.join();
  await settled();
  assert.deepEqual([view.shown.rejoining, view.shown.draining], [true, true]);
});

test("a place that is gone is told in every tab, and joining again leads all of them back", async () => {
  const { tabs, gateway } = await rooms({ hidden: [false, true] });
  tabs[0].streams.last.says("closed", { state: "left", reason: "passed" });
  assert.deepEqual(tabs.map(({ view }) => view.shown.reason), ["passed", "passed"]);
  gateway.will("join", waiting(80, { fresh: true }));
  tabs[1].room.joinAgain();
  await settled();
  assert.deepEqual(tabs.map(({ view }) => view.shown.position), [80, 80]);
  assert.deepEqual(tabs.map(({ streams }) => streams.opened.length), [2, 0]);
});

test("leaving is told in every tab", async () => {
  const { tabs, gateway } = await rooms({ hidden: [false, true] });
  await tabs[1].room.leave();
  assert.equal(gateway.count("leave"), 1);
  assert.deepEqual(tabs.map(({ view }) => view.shown.reason), ["left", "left"]);
});

test("a place that cannot be left here is kept, and the page says where to leave", async () => {
  const { room, view, gateway } = await rooms();
  gateway.will("leave", refused(409, "slot_claimed"));
  await room.leave();
  assert.equal(view.shown.scene, "waiting");
  assert.match(view.message, /leave there/);
});

test("whoever decides to stay stays", async () => {
  const { room, view, gateway } = await rooms();
  view.leaves = false;
  await room.leave();
  assert.deepEqual([gateway.count("leave"), view.shown.scene], [0, "waiting"]);
});

test("a page that is left while it computes stops, and begins anew when it is restored", async () => {
  const signals = [];
  const work_required = (_, signal) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const joins = refused(428, "work_required");
  const { room, gateway, runtime, view } = await rooms({ joins, proofs: { work_required } });
  gateway.will("join", refused(428, "work_required"), waiting(7, { fresh: true }));
  room.rest();
  await runtime.pass(60_000);
  assert.deepEqual([signals.length, signals[0].aborted], [1, true]);
  room.wake(true);
  await settled();
  assert.deepEqual([signals.length, signals[1].aborted], [2, false]);
  room.rest();
  room.wake(true);
  await settled();
  assert.deepEqual([view.shown.scene, view.shown.position], ["waiting", 7]);
});

test("a page that is left while it waits keeps its line", async () => {
  const { room, streams } = await rooms();
  room.rest();
  streams.last.says("position", waiting(2));
  assert.equal(streams.last.readyState, 1);
});
