import assert from "node:assert/strict";
import { test } from "node:test";

import {
  BROWSER_RETRY_MS,
  FIRST_EVENT_WITHIN_MS,
  LiveLine,
  MUTE_STREAMS,
  SILENCE_MS,
  STREAM_AGAIN_MS,
} from "../stream.js";
import { FakeStreams } from "./fake-browser.js";
import { FakeGateway, refused, waiting } from "./fake-gateway.js";
import { ManualRuntime, settled } from "./manual-runtime.js";

function line() {
  const runtime = new ManualRuntime();
  const streams = new FakeStreams();
  const gateway = new FakeGateway();
  gateway.will("currentPlace", waiting(7));
  const heard = [];
  const connections = [];
  const live = new LiveLine({
    openStream: streams.open,
    askPlace: gateway.currentPlace,
    runtime,
    onEvent: (type, content) => heard.push({ type, ...content }),
    onConnection: (connection) => connections.push(connection),
  });
  live.start();
  return { runtime, streams, gateway, heard, connections, live };
}

/** Lets stream after stream bring nothing, until polling has taken over. */
async function muteUntilPolling({ runtime, connections }) {
  for (let mute = 0; mute < MUTE_STREAMS; mute += 1) await runtime.pass(FIRST_EVENT_WITHIN_MS + 2_000);
  assert.equal(connections.at(-1), "polling");
}

test("what a stream says is passed on", () => {
  const { streams, heard, connections } = line();
  streams.last.says("position", waiting(3));
  streams.last.says("ping", "{}");
  assert.deepEqual(heard.map(({ type, position }) => [type, position]), [["position", 3], ["ping", undefined]]);
  assert.deepEqual(connections, ["connecting", "live", "live"]);
});

test("a frame that cannot be read is a sign of life and no more", () => {
  const { streams, heard } = line();
  streams.last.says("position", "{broken");
  streams.last.says("position", "null");
  assert.deepEqual(heard, [{ type: "position" }, { type: "position" }]);
});

test("a stream that says nothing for long is opened anew", async () => {
  const { runtime, streams } = line();
  streams.last.says("ping", "{}");
  await runtime.pass(SILENCE_MS - 1);
  assert.equal(streams.opened.length, 1);
  await runtime.pass(1);
  assert.equal(streams.opened.length, 2);
  assert.equal(streams.opened[0].readyState, 2, "the old one is closed");
});

test("a stream that breaks is left to the browser, but not for ever", async () => {
  const { runtime, streams, connections } = line();
  streams.last.says("ping", "{}");
  streams.last.breaks();
  assert.equal(connections.at(-1), "waiting");
  await runtime.pass(BROWSER_RETRY_MS - 1);
  assert.equal(streams.opened.length, 1);
  await runtime.pass(1);
  assert.equal(streams.opened.length, 2);
});

test("a refused stream asks once, and is opened again", async () => {
  const { runtime, streams, gateway, heard } = line();
  streams.last.breaks({ refused: true });
  await settled();
  assert.equal(gateway.count("currentPlace"), 1);
  assert.equal(heard.at(-1).position, 7);
  await runtime.pass(2_000);
  assert.equal(streams.opened.length, 2);
});

test("when there is no place any more, that is said and nothing more is tried", async () => {
  const { runtime, streams, gateway, heard } = line();
  gateway.will("currentPlace", refused(401, "waiting_token_expired"));
  streams.last.breaks({ refused: true });
  await runtime.pass(600_000);
  assert.deepEqual(heard, [{ type: "closed", state: "left" }]);
  assert.equal(streams.opened.length, 1);
});

test("a stranger's 401 or 404 ends nothing", async () => {
  const { runtime, streams, gateway, heard } = line();
  gateway.will("currentPlace", refused(401), refused(404), waiting(5));
  streams.last.breaks({ refused: true });
  await runtime.pass(60_000);
  assert.ok(heard.every(({ type }) => type !== "closed"));
  assert.ok(streams.opened.length > 1);
});

test("after some mute streams polling takes over, at the pace that the gateway asks for", async () => {
  const the = line();
  await muteUntilPolling(the);
  const before = the.gateway.count("currentPlace");
  await the.runtime.pass(44_000);
  assert.equal(the.gateway.count("currentPlace") - before, 10, "4 s, a tenth later each");
  assert.equal(the.streams.last.readyState, 2, "no stream is open meanwhile");
});

test("while polling a stream is tried again now and then, and one more mute one returns to polling", async () => {
  const the = line();
  await muteUntilPolling(the);
  const opened = the.streams.opened.length;
  await the.runtime.pass(STREAM_AGAIN_MS + 10_000);
  assert.equal(the.streams.opened.length, opened + 1);
  await the.runtime.pass(FIRST_EVENT_WITHIN_MS);
  assert.equal(the.connections.at(-1), "polling");
  assert.equal(the.streams.opened.length, opened + 1);
});

test("what is due is asked for at once while polling, and left to a stream while there is one", async () => {
  const the = line();
  the.live.askNow();
  assert.equal(the.gateway.count("currentPlace"), 0);
  await muteUntilPolling(the);
  const before = the.gateway.count("currentPlace");
  the.live.askNow();
  await settled();
  assert.equal(the.gateway.count("currentPlace"), before + 1);
  await the.runtime.pass(44_000);
  assert.equal(the.gateway.count("currentPlace"), before + 11, "and the pace stays");
  the.live.stop();
  the.live.askNow();
  assert.equal(the.gateway.count("currentPlace"), before + 11);
});

test("an outage is asked through with growing pauses, as long as it takes", async () => {
  const the = line();
  await muteUntilPolling(the);
  the.gateway.will("currentPlace", refused(503, "store_unavailable", 2));
  await the.runtime.pass(60_000);
  const before = the.gateway.count("currentPlace");
  await the.runtime.pass(3_600_000);
  const asked = the.gateway.count("currentPlace") - before;
  assert.ok(asked > 3_600 / 60 && asked < 3_600 / 15, String(asked));
  the.gateway.will("currentPlace", waiting(2));
  const opened = the.streams.opened.length;
  await the.runtime.pass(40_000);
  assert.ok(the.streams.opened.length > opened, "a gateway that is back is given a stream at once");
});

test("the gateway's own pause is kept where it is longer", async () => {
  const { runtime, streams, gateway } = line();
  gateway.will("currentPlace", refused(429, "rate_limited", 90));
  streams.last.breaks({ refused: true });
  await runtime.pass(89_000);
  assert.equal(streams.opened.length, 1);
  await runtime.pass(2_000);
  assert.equal(streams.opened.length, 2);
});

test("a page that comes back to the front reopens at once, unless it has just heard something", async () => {
  const { runtime, streams, live } = line();
  streams.last.says("ping", "{}");
  await runtime.pass(10_000);
  live.wake();
  assert.equal(streams.opened.length, 1);
  await runtime.pass(15_000);
  live.wake();
  assert.equal(streams.opened.length, 2);
});

test("a line that was stopped hears nothing, and a late answer is dropped", async () => {
  const { runtime, streams, gateway, heard, live } = line();
  let answer;
  gateway.will("currentPlace", () => new Promise((resolve) => (answer = resolve)));
  streams.last.breaks({ refused: true });
  await settled();
  live.stop();
  answer(waiting(1));
  await runtime.pass(3_600_000);
  live.wake();
  assert.deepEqual([heard.length, streams.opened.length], [0, 1]);
});

test("starting twice opens one stream", () => {
  const { live, streams } = line();
  live.start();
  assert.equal(streams.opened.length, 1);
});
