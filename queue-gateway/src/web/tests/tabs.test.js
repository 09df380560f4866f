import assert from "node:assert/strict";
import { test } from "node:test";

import { SILENT_LEADER_MS, Tabs } from "../tabs.js";
import { ManualRuntime, settled } from "./manual-runtime.js";

/** Locks and channels of one browser, after the Web Locks specification as far as it is used. */
class Shared {
  #held = new Map();
  #waiting = [];
  #channels = [];

  locks = {
    request: (name, options, callback = options) =>
      new Promise((resolve, reject) => {
        const request = { name, callback, resolve, reject };
        if (options.steal) this.#held.get(name)?.reject(new Error("stolen"));
        if (options.steal) this.#held.delete(name);
        if (!this.#held.has(name)) this.#grant(request);
        else if (options.ifAvailable) resolve(callback(null));
        else this.#waiting.push(request);
      }),
  };

  channel() {
    const channel = {
      listeners: [],
      addEventListener: (type, listener) => channel.listeners.push(listener),
      postMessage: (data) => {
        for (const other of this.#channels) if (other !== channel) for (const hear of other.listeners) hear({ data });
      },
    };
    this.#channels.push(channel);
    return channel;
  }

  async #grant(request) {
    this.#held.set(request.name, request);
    const result = await request.callback({});
    if (this.#held.get(request.name) !== request) return;
    this.#held.delete(request.name);
    request.resolve(result);
    const next = this.#waiting.findIndex(({ name }) => name === request.name);
    if (next >= 0) this.#grant(this.#waiting.splice(next, 1)[0]);
  }
}

function tab(shared, runtime, { hidden = false } = {}) {
  const heard = [];
  const state = { hidden };
  const channel = shared.channel();
  const tabs = new Tabs({ name: "t", locks: shared.locks, channel, runtime, isHidden: () => state.hidden });
  const handlers = {
    onLead: () => heard.push("lead"),
    onFollow: () => heard.push("follow"),
    onWord: (word, content) => heard.push([word, content]),
  };
  return { tabs, heard, state, begin: () => tabs.begin(handlers) };
}

async function twoTabs(more) {
  const [shared, runtime] = [new Shared(), new ManualRuntime()];
  const [first, second] = [tab(shared, runtime), tab(shared, runtime, more)];
  first.begin();
  second.begin();
  await settled();
  return { runtime, first, second };
}

test("one of several tabs leads, and the others hear it", async () => {
  const { first, second } = await twoTabs();
  assert.deepEqual([first.tabs.leading, second.tabs.leading], [true, false]);
  first.tabs.say("event", 7);
  assert.deepEqual(second.heard, [["event", 7]]);
  assert.deepEqual(first.heard, ["lead"], "nobody hears themselves");
});

test("a leader that is silent for long is replaced by a tab that is looked at, and follows it", async () => {
  const { runtime, first, second } = await twoTabs();
  await runtime.pass(SILENT_LEADER_MS - 5_000);
  first.tabs.say("connection", "live");
  await runtime.pass(SILENT_LEADER_MS - 5_000);
  assert.equal(second.tabs.leading, false, "it spoke in between");
  await runtime.pass(15_000);
  assert.deepEqual([first.tabs.leading, second.tabs.leading], [false, true]);
  assert.deepEqual(first.heard, ["lead", "follow"]);
});

test("a hidden tab does not take over: it would be suspended as well", async () => {
  const { runtime, second } = await twoTabs({ hidden: true });
  await runtime.pass(600_000);
  assert.equal(second.tabs.leading, false);
  second.state.hidden = false;
  await runtime.pass(5_000);
  assert.equal(second.tabs.leading, true);
});

test("one tab has the way in until it gives it back", async () => {
  const { first, second } = await twoTabs();
  const giveBack = await first.tabs.claimEntrance();
  assert.equal(await second.tabs.claimEntrance(), null);
  giveBack();
  await settled();
  assert.notEqual(await second.tabs.claimEntrance(), null);
});

test("steps that must not overlap follow one another", async () => {
  const { first, second } = await twoTabs();
  const steps = [];
  let finish;
  const one = first.tabs.alone(async () => {
    steps.push("first begins");
    await new Promise((resolve) => (finish = resolve));
    steps.push("first ends");
  });
  const other = second.tabs.alone(async () => steps.push("second"));
  await settled();
  finish();
  await Promise.all([one, other]);
  assert.deepEqual(steps, ["first begins", "first ends", "second"]);
});

test("where a browser cannot share, every tab leads and may go in", async () => {
  const runtime = new ManualRuntime();
  const alone = new Tabs({ name: "t", locks: null, channel: null, runtime, isHidden: () => false });
  alone.begin({ onLead() {}, onFollow() {}, onWord() {} });
  assert.ok(alone.leading);
  assert.notEqual(await alone.claimEntrance(), null);
  assert.equal(await alone.alone(() => 5), 5);
  alone.say("left");
});

test("a browser that gives no locks is not asked for ever", async () => {
  const shared = new Shared();
  shared.locks = { request: async () => Promise.reject(new Error("not here")) };
  const only = tab(shared, new ManualRuntime());
  only.begin();
  await settled();
  assert.deepEqual(only.heard, ["lead"]);
});
