import assert from "node:assert/strict";
import { test } from "node:test";

import { Progress } from "../progress.js";
import { fakeStorage } from "./fake-browser.js";

test("a position never rises, and the first one stays", () => {
  const progress = new Progress("demo", fakeStorage);
  assert.deepEqual(progress.at(40), { first: 40, position: 40 });
  assert.deepEqual(progress.at(12), { first: 40, position: 12 });
  assert.deepEqual(progress.at(15), { first: 40, position: 12 });
});

test("a reload goes on where the page was, each queue on its own", () => {
  const storage = fakeStorage();
  new Progress("demo", () => storage).at(40);
  const reloaded = new Progress("demo", () => storage);
  assert.ok(reloaded.known);
  assert.deepEqual(reloaded.at(30), { first: 40, position: 30 });
  assert.equal(new Progress("other", () => storage).known, false);
});

test("another place begins anew", () => {
  const progress = new Progress("demo", fakeStorage);
  progress.at(1);
  progress.forget();
  assert.equal(progress.known, false);
  assert.deepEqual(progress.at(900), { first: 900, position: 900 });
});

test("a draw begins anew, and a reload still knows that there is a place", () => {
  const storage = fakeStorage();
  const progress = new Progress("demo", () => storage);
  progress.at(3);
  progress.awaitDraw();
  assert.ok(new Progress("demo", () => storage).known);
  assert.deepEqual(progress.at(900), { first: 900, position: 900 });
});

test("a call is remembered over a reload, and the line begins anew after it", () => {
  const storage = fakeStorage();
  const progress = new Progress("demo", () => storage);
  progress.at(1);
  progress.call();
  const reloaded = new Progress("demo", () => storage);
  assert.ok(reloaded.called);
  assert.deepEqual(reloaded.at(2), { first: 2, position: 2 });
  assert.ok(reloaded.called);
  reloaded.forget();
  assert.equal(reloaded.called, false);
});

test("a browser without storage, or with nonsense in it, fails nobody", () => {
  const none = new Progress("demo", () => {
    throw new Error("switched off");
  });
  assert.deepEqual([none.at(9), none.at(8)].map(({ position }) => position), [9, 8]);
  for (const nonsense of ["{", "7", "null"]) {
    const storage = { ...fakeStorage(), getItem: () => nonsense };
    const progress = new Progress("demo", () => storage);
    assert.equal(progress.known, false, nonsense);
    assert.equal(progress.at(5).position, 5);
  }
});
