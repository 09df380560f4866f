import assert from "node:assert/strict";
import { test } from "node:test";

import {
  awaitsDraw,
  deadlineOf,
  flowOf,
  isBeforeOpening,
  isThere,
  joinsAnew,
  nextStep,
  pauseBeforeEntering,
  READ_FIRST_MS,
  takesJoins,
} from "../next-step.js";
import { waiting } from "./fake-gateway.js";

const admitted = { state: "admitted", arrive_before: "A", claim_before: "C", expires_at: "E" };
const arrived = { state: "admitted", claim_before: "C", expires_at: "E" };

test("whoever is admitted goes in, whatever the page was doing", () => {
  for (const mode of ["joining", "waiting"]) {
    assert.equal(nextStep(mode, admitted, false).step, "enter");
    assert.equal(nextStep(mode, arrived, false).step, "enter");
  }
});

test("a turn that goes on takes nobody in twice, unless nobody has arrived", () => {
  assert.equal(nextStep("admitted", arrived, false).step, "stand");
  assert.equal(nextStep("admitted", admitted, true).step, "enter");
});

test("a place in the line is followed", () => {
  assert.deepEqual(nextStep("joining", waiting(3), false), { step: "follow", again: false });
  assert.deepEqual(nextStep("waiting", waiting(3, { state: "parked" }), false), { step: "follow", again: false });
});

test("whoever was called and stands in the line again is followed as such", () => {
  assert.deepEqual(nextStep("admitted", waiting(1), false), { step: "follow", again: true });
  assert.deepEqual(nextStep("waiting", waiting(1), true), { step: "follow", again: true });
});

test("a state that this page does not know keeps the visitor", () => {
  assert.equal(nextStep("waiting", { state: "from_the_future" }, false).step, "follow");
});

test("a place that is gone is gone for its reason", () => {
  assert.deepEqual(nextStep("admitted", { state: "left", reason: "no_show" }), { step: "gone", reason: "no_show" });
  assert.deepEqual(nextStep("waiting", { state: "left" }), { step: "gone", reason: null });
});

test("a queue that closed is over without a reason of the visitor's own", () => {
  for (const mode of ["joining", "waiting", "admitted"]) {
    assert.deepEqual(nextStep(mode, { state: "closed" }, true), { step: "closed" });
  }
  assert.deepEqual(["waiting", "parked", "pre_queue", "admitted", "left", "closed"].map((state) => isThere({ state })),
    [true, true, true, true, false, false]);
});

test("a place before the opening is followed", () => {
  for (const state of ["pre_queue", "scheduled"]) {
    assert.equal(nextStep("joining", waiting(3, { state }), false).step, "follow");
    assert.ok(isBeforeOpening({ state }));
  }
  assert.equal(isBeforeOpening(waiting(3)), false);
});

test("only before the opening is a place still to be drawn", () => {
  assert.ok(awaitsDraw({ state: "pre_queue", opening: "draw" }));
  assert.ok(awaitsDraw({ state: "scheduled", opening: "draw" }));
  assert.equal(awaitsDraw({ state: "pre_queue", opening: "fifo" }), false);
  assert.equal(awaitsDraw(waiting(3, { opening: "draw", number: 8 })), false);
});

test("a join is tried in every state but before joins are taken: the refusal tells the rest", () => {
  assert.equal(takesJoins("scheduled"), false);
  const states = ["pre_queue", "open", "paused", "draining", "closed", "from_the_future"];
  assert.deepEqual(states.filter(takesJoins), states);
});

test("the earliest deadline that still applies is the one to watch", () => {
  assert.equal(deadlineOf(admitted), "A");
  assert.equal(deadlineOf(arrived), "C");
  assert.equal(deadlineOf({ state: "admitted", expires_at: "E" }), "E");
  assert.equal(deadlineOf({ state: "admitted" }), null);
});

test("a tab that is looked at goes before the leading one, and others leave it to them", () => {
  assert.equal(pauseBeforeEntering({ hidden: false, leading: false }), READ_FIRST_MS);
  assert.ok(pauseBeforeEntering({ hidden: true, leading: true }) > READ_FIRST_MS);
  assert.equal(pauseBeforeEntering({ hidden: true, leading: false }), null);
});

test("only whoever left is given a new place without a word", () => {
  const joins = (reason) => joinsAnew({ state: "left", reason });
  assert.deepEqual(["left", "released"].map(joins), [true, true]);
  assert.deepEqual(["no_show", "not_claimed", "passed", "ended", undefined].filter(joins), []);
  assert.equal(joinsAnew(waiting(3)), false);
});

test("the state of a queue says whether its line moves and whether others may join", () => {
  const moving = { paused: false, rejoining: false, draining: false };
  for (const state of ["open", "pre_queue", "scheduled", "closed"]) assert.deepEqual(flowOf(state, moving), moving);
  const draining = { ...moving, draining: true };
  assert.deepEqual(flowOf("draining", moving), draining);
  assert.deepEqual(flowOf("paused", draining), { ...draining, paused: true }, "a pause hides it, and does not end it");
  const paused = { ...moving, paused: true };
  assert.deepEqual(flowOf("rejoining", paused), { ...paused, rejoining: true });
  assert.deepEqual(flowOf("open", { paused: true, rejoining: true, draining: true }), moving);
});
