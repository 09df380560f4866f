import assert from "node:assert/strict";
import { test } from "node:test";

import { Countdown } from "../countdown.js";
import { ServerClock } from "../server-clock.js";
import { ManualRuntime } from "./manual-runtime.js";

/** A countdown, what it told, and how often it was over. */
function counting({ pause } = {}) {
  const runtime = new ManualRuntime();
  const clock = new ServerClock(runtime.now);
  const ticks = [];
  const over = [];
  const onTick = (left) => ticks.push(left);
  const countdown = new Countdown({ clock, runtime, onTick, onOver: () => over.push(runtime.now()), pause });
  return { runtime, clock, countdown, ticks, over };
}

test("every second is told, on the second, and then that none is left", async () => {
  const { runtime, countdown, ticks, over } = counting();
  countdown.begin(runtime.now() + 2_300);
  await runtime.pass(10_000);
  assert.deepEqual(ticks, [2_300, 2_000, 1_000, 0]);
  assert.equal(over.length, 1);
});

test("timers that come late move nothing that follows", async () => {
  const { runtime, countdown, ticks, over } = counting();
  const end = runtime.now() + 60_000;
  const after = runtime.after;
  runtime.after = (milliseconds, step) => after(milliseconds + 40, step);
  countdown.begin(end);
  await runtime.pass(61_000);
  const shown = ticks.map((left) => Math.max(0, Math.ceil(left / 1_000)));
  assert.deepEqual(shown, Array.from({ length: 61 }, (_, second) => 60 - second));
  assert.ok(over[0] - end <= 80, String(over[0] - end));
});

test("what is left is told by the server's clock", async () => {
  const { runtime, clock, countdown, over } = counting();
  // This machine is an hour ahead.
  clock.learn(new Date(runtime.now() - 3_600_000).toUTCString(), runtime.now());
  countdown.begin(runtime.now() - 3_600_000 + 30_000);
  assert.ok(Math.abs(countdown.left - 30_000) <= 500, String(countdown.left));
  await runtime.pass(29_000);
  assert.equal(over.length, 0);
  await runtime.pass(2_000);
  assert.equal(over.length, 1);
});

test("timers that slept are made up for at once", async () => {
  const { runtime, countdown, ticks, over } = counting();
  countdown.begin(runtime.now() + 60_000);
  runtime.sleep(45_000);
  countdown.wake();
  assert.equal(ticks.at(-1), 15_000);
  runtime.sleep(45_000);
  countdown.wake();
  assert.equal(ticks.at(-1), -30_000);
  await runtime.pass(0);
  assert.equal(over.length, 1);
});

test("a step that brings the same instant again is taken with growing pauses", async () => {
  const { runtime, countdown, over } = counting({ pause: () => 250 });
  const end = runtime.now();
  const begin = () => countdown.begin(end);
  begin();
  for (let time = 0; time < 6; time += 1) {
    await runtime.pass(40_000);
    begin();
  }
  const pauses = over.map((at, time) => at - end - 40_000 * time);
  assert.deepEqual(pauses, [250, 1_500, 3_000, 6_000, 12_000, 22_500]);
});

test("a pause that grew is forgotten with a new instant, and when the page is looked at", async () => {
  const { runtime, countdown, over } = counting({ pause: () => 250 });
  for (let time = 0; time < 4; time += 1) countdown.begin(runtime.now());
  countdown.wake();
  await runtime.pass(250);
  assert.equal(over.length, 1);
  for (let time = 0; time < 4; time += 1) countdown.begin(runtime.now());
  countdown.begin(runtime.now() + 1_000);
  await runtime.pass(1_250);
  assert.equal(over.length, 2);
});

test("a countdown that was ended says nothing more", async () => {
  const { runtime, countdown, ticks, over } = counting();
  countdown.begin(runtime.now() + 5_000);
  countdown.end();
  countdown.wake();
  await runtime.pass(60_000);
  assert.deepEqual([ticks, over, countdown.left, countdown.instant], [[5_000], [], null, null]);
});
