import assert from "node:assert/strict";
import { test } from "node:test";

import { instantOf, ServerClock } from "../server-clock.js";

const SERVER = Date.parse("2027-01-15T08:00:00Z");

/** A machine whose clock is off by so much, and answers that take `travel` milliseconds each way. */
function machine(offBy, travel) {
  const world = { true: SERVER, offBy };
  const clock = new ServerClock(() => world.true + world.offBy);
  const ask = () => {
    const sentAt = world.true + world.offBy;
    world.true += travel;
    const date = new Date(Math.floor(world.true / 1000) * 1000).toUTCString();
    world.true += travel;
    clock.learn(date, sentAt);
  };
  return { world, clock, ask, error: () => Math.abs(clock.now() - world.true) };
}

test("before the first answer the machine's own clock counts", () => {
  const { clock, world } = machine(0, 0);
  assert.equal(clock.now(), world.true);
});

test("one answer tells the time to half a second and half a journey", () => {
  for (const offBy of [-3_600_000, -2_000, 400, 86_400_000]) {
    const { world, ask, error } = machine(offBy, 50);
    world.true += 730;
    ask();
    assert.ok(error() <= 550, `${offBy}: ${error()}`);
  }
});

test("more answers tell it better", () => {
  const { world, ask, error } = machine(-95_000, 20);
  for (const pause of [130, 470, 960, 2_710, 3_385, 640]) {
    world.true += pause;
    ask();
  }
  assert.ok(error() < 250, String(error()));
});

test("a clock that is set by hand is noticed with the next answer", () => {
  const { world, ask, error } = machine(0, 30);
  ask();
  world.offBy = 600_000;
  ask();
  assert.ok(error() <= 530, String(error()));
});

test("an answer without a time, or with nonsense, teaches nothing", () => {
  const { clock, world } = machine(5_000, 0);
  for (const date of [null, "", "yesterday"]) clock.learn(date, world.true);
  assert.equal(clock.now(), world.true + 5_000);
});

test("an instant of a document is read, and nonsense is none", () => {
  assert.equal(instantOf("2027-01-15T08:00:00Z"), SERVER);
  assert.equal(instantOf("2027-01-15T09:00:00.25+01:00"), SERVER + 250);
  for (const nonsense of [null, undefined, "", "soon"]) assert.equal(instantOf(nonsense), null);
});
