import assert from "node:assert/strict";
import { test } from "node:test";

import { Joining, MOST_PROOFS } from "../joining.js";
import { ServerClock } from "../server-clock.js";
import { FakeBrowser } from "./fake-browser.js";
import { FakeGateway, refused, tooEarly, waiting } from "./fake-gateway.js";
import { FakeView } from "./fake-view.js";
import { ManualRuntime, settled } from "./manual-runtime.js";

function joining({ proofs } = {}) {
  const runtime = new ManualRuntime();
  const gateway = new FakeGateway();
  const view = new FakeView();
  const places = [];
  const tabs = new FakeBrowser().tab();
  const onPlace = (place, fresh) => places.push({ ...place, fresh });
  const clock = new ServerClock(runtime.now);
  const askQueue = gateway.publicState;
  return {
    runtime,
    gateway,
    view,
    tabs,
    places,
    way: new Joining({ gateway, view, tabs, clock, runtime, askQueue, onPlace, proofs }),
  };
}

test("a browser without a place joins", async () => {
  const { way, gateway, places } = joining();
  gateway.will("join", waiting(9, { fresh: true }));
  await way.begin(false);
  assert.deepEqual(gateway.calls, ["join"]);
  assert.deepEqual([places[0].position, places[0].fresh], [9, true]);
});

test("a browser that had a place asks for it, and joins only when it cannot prove one", async () => {
  const { way, gateway, places } = joining();
  gateway.will("currentPlace", waiting(4), refused(401, "waiting_token_missing"));
  gateway.will("join", waiting(9));
  await way.begin(true);
  assert.deepEqual(gateway.calls, ["currentPlace"]);
  await way.begin(true);
  assert.deepEqual(gateway.calls.slice(1), ["currentPlace", "join"]);
  assert.deepEqual(places.map(({ position }) => position), [4, 9]);
});

test("a member whom the site has just sent joins, whatever place the browser kept", async () => {
  const { way, gateway, places } = joining();
  gateway.bringsMember = true;
  gateway.will("join", waiting(9));
  await way.begin(true);
  assert.deepEqual([gateway.calls, places[0].position], [["join"], 9]);
});

test("whoever brings an invitation joins with it, whatever place the browser kept", async () => {
  const { way, gateway, places } = joining();
  gateway.bringsInvitation = true;
  gateway.will("join", waiting(3, { invited: true }));
  await way.begin(true);
  assert.deepEqual([gateway.calls, places[0].invited], [["join"], true]);
});

test("an invitation that gives no place is dropped, and the next try finds the place of before", async () => {
  const { way, gateway, view, places } = joining();
  for (const code of ["invitation_used", "invitation_expired", "invitation_invalid"]) {
    gateway.bringsInvitation = true;
    gateway.will("join", refused(409, code));
    await way.begin(false);
    assert.deepEqual([view.shown.scene, view.shown.code, gateway.bringsInvitation], ["trouble", code, false]);
  }
  gateway.bringsInvitation = true;
  gateway.will("currentPlace", waiting(9));
  await way.begin(true);
  await settled();
  assert.equal(places[0].position, 9, "whoever had a place follows it at once");
  assert.match(view.notice, /not valid here/);
  assert.equal(places[0].message, null, "the operator's sentence comes and goes beside it");
});

test("whoever lost the place while the page was closed is told, and does not join without a word", async () => {
  const { way, gateway, places } = joining();
  gateway.will("currentPlace", { state: "left", reason: "passed" });
  await way.begin(true);
  assert.deepEqual(gateway.calls, ["currentPlace"]);
  assert.equal(places[0].reason, "passed");
});

test("whoever has finished at the tickets and comes again simply joins", async () => {
  const { way, gateway } = joining();
  gateway.will("currentPlace", { state: "left", reason: "released" });
  gateway.will("join", waiting(9));
  await way.begin(true);
  assert.deepEqual(gateway.calls, ["currentPlace", "join"]);
});

test("a full line is counted down, and asked again when the gateway said", async () => {
  const { way, gateway, view, places, runtime } = joining();
  gateway.will("join", refused(503, "line_full", 40), waiting(9));
  await way.begin(false);
  assert.deepEqual([view.shown.scene, view.shown.code, view.shown.seconds], ["trouble", "line_full", 40]);
  await runtime.pass(39_000);
  assert.deepEqual([view.shown.seconds, places.length], [1, 0]);
  await runtime.pass(1_000);
  assert.equal(places.length, 1);
});

test("a countdown to the next try loses nothing while the timers of a hidden page sleep", async () => {
  const { way, gateway, view, places, runtime } = joining();
  gateway.will("join", refused(503, "line_full", 40), waiting(9));
  await way.begin(false);
  runtime.sleep(25_000);
  way.wake();
  assert.equal(view.shown.seconds, 15);
  runtime.sleep(3_600_000);
  way.wake();
  assert.equal(view.shown.seconds, 1, "a try that is due is not said to follow in no time, or less");
  await runtime.pass(0);
  assert.equal(places.length, 1);
});

test("joins that are not taken yet are waited for, and the next try gets the place", async () => {
  const { way, gateway, view, places, runtime } = joining();
  gateway.will("publicState", { state: "scheduled", joins_from: runtime.instant(50), opens_at: null });
  gateway.will("join", tooEarly(runtime.instant(50), null), waiting(9));
  await way.begin(false);
  assert.deepEqual([view.shown.scene, view.shown.left, view.connection], ["scheduled", 50_000, "idle"]);
  await runtime.pass(50_000);
  assert.equal(places.length, 0);
  await runtime.pass(1_000);
  assert.deepEqual([places.length, gateway.count("join")], [1, 2]);
});

test("another tab's place ends the wait for joins", async () => {
  const { way, gateway, runtime } = joining();
  gateway.will("publicState", { state: "scheduled", joins_from: runtime.instant(50), opens_at: null });
  gateway.will("join", tooEarly(runtime.instant(50), null));
  await way.begin(false);
  way.end();
  await runtime.pass(600_000);
  assert.deepEqual([gateway.count("join"), gateway.count("publicState")], [1, 1]);
});

test("a gateway that opens late is not asked in a circle", async () => {
  const { way, gateway, runtime } = joining();
  gateway.will("publicState", { state: "scheduled", joins_from: runtime.instant(1), opens_at: null });
  gateway.will("join", tooEarly(runtime.instant(1), null));
  await way.begin(false);
  await runtime.pass(600_000);
  const tries = gateway.count("join");
  assert.ok(tries > 600 / 40 && tries < 600 / 15, String(tries));
  assert.equal(gateway.count("publicState"), 1, "each try tells as much as a look");
});

test("a queue that takes nobody any more is shown with the way to the site, and nothing is tried", async () => {
  for (const [status, code] of [[409, "queue_draining"], [410, "queue_closed"]]) {
    const { way, gateway, view, runtime } = joining();
    gateway.will("join", refused(status, code, undefined, { redirect_to: "/shop" }));
    await way.begin(false);
    await runtime.pass(600_000);
    assert.deepEqual([view.shown.scene, view.shown.code, view.shown.seconds], ["trouble", code, undefined]);
    assert.deepEqual([view.shown.site, gateway.count("join")], ["/shop", 1]);
  }
});

test("an outage is asked through with growing pauses", async () => {
  const { way, gateway, runtime, places } = joining();
  gateway.will("join", refused(0));
  await way.begin(false);
  await runtime.pass(600_000);
  const tries = gateway.count("join");
  assert.ok(tries > 600 / 40 && tries < 600 / 15, String(tries));
  gateway.will("join", waiting(2));
  await runtime.pass(30_000);
  assert.equal(places.length, 1);
});

test("a refusal that stays is shown, and nothing is tried", async () => {
  const { way, gateway, view, runtime } = joining();
  gateway.will("join", refused(404, "queue_not_found"));
  await way.begin(false);
  await runtime.pass(600_000);
  assert.deepEqual([view.shown.scene, view.shown.seconds, gateway.count("join")], ["trouble", undefined, 1]);
});

test("another tab's place ends the tries", async () => {
  const { way, gateway, runtime } = joining();
  gateway.will("join", refused(503));
  await way.begin(false);
  way.end();
  await runtime.pass(600_000);
  assert.equal(gateway.count("join"), 1);
});

test("a gateway that asks for a proof is given it with the next join", async () => {
  const brought = [];
  const { way, gateway, places } = joining({ proofs: { work_required: async ({ code }) => ({ Work: `of ${code}` }) } });
  const take = (proof) => {
    brought.push(proof);
    return proof ? waiting(9) : refused(403, "work_required");
  };
  gateway.will("join", take);
  await way.begin(false);
  await settled();
  assert.deepEqual(brought, [undefined, { Work: "of work_required" }]);
  assert.equal(places.length, 1);
});

test("a gateway may ask for one thing after the other, but not without end", async () => {
  const proofs = { token_not_taken: () => ({}), work_required: () => ({ Work: "done" }) };
  const { way, gateway, places, view } = joining({ proofs });
  gateway.will("join", refused(422, "token_not_taken"), refused(428, "work_required"), waiting(9));
  await way.begin(false);
  assert.equal(places.length, 1);
  gateway.will("join", refused(428, "work_required"));
  await way.begin(false);
  assert.equal(gateway.count("join"), 3 + 1 + MOST_PROOFS);
  assert.deepEqual([view.shown.scene, view.shown.code], ["trouble", "work_required"]);
});

test("a proof that cannot be brought leaves the refusal as it is", async () => {
  const { way, gateway, view } = joining({ proofs: { work_required: async () => null } });
  gateway.will("join", refused(428, "work_required"));
  await way.begin(false);
  assert.deepEqual([view.shown.scene, view.shown.code, gateway.count("join")], ["trouble", "work_required", 1]);
});

test("what was computed is brought again after an outage, and not after there was a place", async () => {
  const brought = [];
  const { way, gateway, runtime } = joining({ proofs: { work_required: () => ({ Work: "done" }) } });
  const answers = [refused(428, "work_required"), refused(503), waiting(9), waiting(9)];
  gateway.will("join", (proof) => {
    brought.push(proof?.Work);
    return answers.shift();
  });
  await way.begin(false);
  await runtime.pass(10_000);
  await way.begin(false);
  assert.deepEqual(brought, [undefined, "done", "done", undefined]);
});

test("nobody else is kept from joining while a proof is computed", async () => {
  let alone = 0;
  const during = [];
  const { way, gateway, tabs } = joining({ proofs: { work_required: () => during.push(alone) && {} } });
  tabs.alone = async (step) => {
    alone += 1;
    try {
      return await step();
    } finally {
      alone -= 1;
    }
  };
  gateway.will("join", refused(428, "work_required"), waiting(9));
  await way.begin(false);
  assert.deepEqual(during, [0]);
});

test("a proof is called off when another tab has a place, and nothing is tried or shown after it", async () => {
  let calledOff = null;
  const work_required = (_, signal) => {
    calledOff = signal;
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const { way, gateway, view, runtime } = joining({ proofs: { work_required } });
  gateway.will("join", refused(428, "work_required"));
  const begun = way.begin(false);
  await settled();
  way.end();
  await begun;
  await runtime.pass(600_000);
  assert.ok(calledOff.aborted);
  assert.deepEqual([gateway.count("join"), view.shown], [1, {}]);
});

test("a join that fails after another tab got a place is not tried again", async () => {
  const { way, gateway, view, runtime } = joining();
  let fail;
  gateway.will("join", () => new Promise((resolve) => (fail = () => resolve(refused(0)))));
  const begun = way.begin(false);
  await settled();
  way.end();
  fail();
  await begun;
  await runtime.pass(600_000);
  assert.deepEqual([gateway.count("join"), view.shown], [1, {}]);
});

test("whoever only the site can help is shown the way there, as far as the gateway told it", async () => {
  const { way, gateway, view } = joining();
  const told = refused(401, "join_token_required");
  told.problem.redirect_to = "/shop";
  gateway.will("join", refused(401, "join_token_required"), told);
  gateway.will("currentPlace", refused(401, "waiting_token_expired"));
  await way.begin(false);
  assert.deepEqual([view.shown.scene, view.shown.site], ["trouble", null]);
  await way.begin(false);
  assert.equal(view.shown.site, "/shop");
  gateway.will("join", waiting(9, { redirect_to: "/tickets" }), refused(401, "join_token_expired"));
  await way.begin(false);
  await way.begin(true);
  assert.deepEqual([view.shown.code, view.shown.site], ["join_token_expired", "/tickets"]);
});
