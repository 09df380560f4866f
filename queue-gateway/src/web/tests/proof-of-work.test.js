import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { FIRST_WORD_WITHIN_MS, ProofOfWork } from "../proof-of-work.js";
import { FakeView } from "./fake-view.js";
import { ManualRuntime, settled } from "./manual-runtime.js";

const ASKED = { code: "proof_of_work_required", challenge: "ey.J.x", bits: 10 };

class FakeWorker extends EventTarget {
  told = [];
  ended = false;

  postMessage(message) {
    this.told.push(message);
  }

  terminate() {
    this.ended = true;
  }

  says(data) {
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
}

function work(openWorker) {
  const runtime = new ManualRuntime();
  const view = new FakeView();
  const shares = [];
  const { showComputing } = view;
  view.showComputing = (share) => {
    shares.push(share);
    showComputing(share);
  };
  const attempt = new AbortController();
  const way = new ProofOfWork({ view, runtime, openWorker });
  return { runtime, view, shares, attempt, prove: (asked = ASKED) => way.prove(asked, attempt.signal) };
}

function withWorker() {
  const worker = new FakeWorker();
  return { worker, ...work(() => worker) };
}

function assertSolved(headers) {
  const proof = headers["Proof-Of-Work"];
  assert.ok(proof.startsWith("ey.J.x."), proof);
  assert.equal(createHash("sha256").update(proof).digest().readUInt16BE() >> 6, 0);
}

const withoutWorkers = () => {
  throw new TypeError("no workers here");
};

test("a worker is told the puzzle, its share is shown, and its number is the proof", async () => {
  const { worker, view, shares, prove } = withWorker();
  const proof = prove();
  assert.deepEqual(worker.told, [{ challenge: "ey.J.x", bits: 10 }]);
  worker.says({ share: 0.25 });
  worker.says({ share: 1.5 });
  assert.deepEqual([view.shown.scene, shares], ["computing", [0, 0.25, 1.5]]);
  worker.says({ number: "0042" });
  assert.deepEqual(await proof, { "Proof-Of-Work": "ey.J.x.0042" });
  assert.deepEqual([worker.ended, view.shown.scene], [true, "joining"]);
});

test("a browser without workers computes on the page, in slices", async () => {
  const { runtime, view, prove } = work(withoutWorkers);
  // Every look at the clock comes a while later, so that a slice is one batch.
  let looks = 0;
  const { now } = runtime;
  runtime.now = () => now() + 100 * looks++;
  const hard = { ...ASKED, bits: 32 };
  prove(hard).catch(() => {});
  await settled();
  assert.deepEqual(view.shown, { scene: "computing", share: 0 }, "the page is drawn first");
  for (let slices = 1; slices < 4; slices += 1) {
    const before = view.shown.share;
    await runtime.pass(1);
    assert.ok(view.shown.share > before);
  }
});

test("what is computed on the page solves the challenge", async () => {
  const { runtime, view, prove } = work(withoutWorkers);
  const proof = prove();
  await runtime.pass(1);
  assertSolved(await proof);
  assert.equal(view.shown.scene, "joining");
});

test("a worker that breaks is replaced by the page", async () => {
  const { worker, runtime, prove } = withWorker();
  const proof = prove();
  worker.dispatchEvent(new Event("error"));
  await runtime.pass(1);
  assertSolved(await proof);
  assert.ok(worker.ended);
});

test("a worker that never says a word is replaced by the page; one that spoke is left to work", async () => {
  const mute = withWorker();
  const proof = mute.prove();
  await mute.runtime.pass(FIRST_WORD_WITHIN_MS + 1);
  assertSolved(await proof);
  assert.ok(mute.worker.ended);

  const slow = withWorker();
  slow.prove();
  slow.worker.says({ share: 0 });
  await slow.runtime.pass(10 * FIRST_WORD_WITHIN_MS);
  assert.equal(slow.worker.ended, false);
});

test("a proof that is called off ends its worker, and is not begun on the page", async () => {
  const { worker, attempt, runtime, shares, prove } = withWorker();
  const proof = prove();
  attempt.abort();
  await assert.rejects(proof, (error) => error === attempt.signal.reason);
  await runtime.pass(60_000);
  assert.deepEqual([worker.ended, shares], [true, [0]]);
});

test("a proof that is called off ends the slices", async () => {
  const { runtime, attempt, shares, prove } = work(withoutWorkers);
  const proof = prove({ ...ASKED, bits: 32 });
  await settled();
  attempt.abort();
  await assert.rejects(proof, (error) => error === attempt.signal.reason);
  await runtime.pass(60_000);
  assert.deepEqual(shares, [0]);
});

test("nothing begins that was called off before", async () => {
  const { attempt, worker, view, prove } = withWorker();
  attempt.abort();
  await assert.rejects(prove(), (error) => error === attempt.signal.reason);
  assert.deepEqual([worker.told, view.shown], [[], {}]);
});

test("a challenge that no browser can meet is not begun", async () => {
  const { worker, view, prove } = withWorker();
  assert.equal(await prove({ ...ASKED, bits: 99 }), null);
  assert.equal(await prove({ code: "proof_of_work_required" }), null);
  assert.deepEqual([worker.told, view.shown], [[], {}]);
});

test("the worker's own script says shares, and then a number that solves the challenge", async () => {
  const said = [];
  let hear;
  globalThis.self = { addEventListener: (_, listener) => (hear = listener), postMessage: (word) => said.push(word) };
  await import("../puzzle-worker.js");
  hear({ data: ASKED });
  assert.deepEqual(said[0], { share: 0 }, "a word at once, so that the page knows that it works");
  assertSolved({ "Proof-Of-Work": `ey.J.x.${said.at(-1).number}` });
});
