import assert from "node:assert/strict";
import { test } from "node:test";

import { View } from "../view.js";
import { FakeDocument } from "./fake-elements.js";
import { refused, waiting } from "./fake-gateway.js";
import { ManualRuntime } from "./manual-runtime.js";

function drawn() {
  const page = new FakeDocument();
  const runtime = new ManualRuntime();
  const element = (id) => page.getElementById(id);
  const buttons = () => ["enter", "to-site", "join-again", "try-again"].filter((id) => !element(id).hidden);
  return { view: new View(page, runtime.now), runtime, element, buttons };
}

test("a computation is drawn as it goes on, and spoken of once", async () => {
  const { view, runtime, element } = drawn();
  for (const [share, percent] of [[0, "0"], [0.5, "50"], [0.999, "99"], [4, "99"]]) {
    view.showComputing(share);
    assert.equal(element("work-progress").getAttribute("aria-valuenow"), percent);
    await runtime.pass(60_000);
  }
  assert.match(element("work-progress").getAttribute("aria-valuetext"), /luck/);
  assert.equal(element("announcements").history.length, 1);
  assert.match(element("announcements").textContent, /Your browser has to do a short calculation/);
});

test("the computation is seen while it goes on alone", () => {
  const { view, element, buttons } = drawn();
  view.showComputing(0);
  assert.deepEqual([element("work").hidden, element("waiting").hidden, buttons()], [false, true, []]);
  view.showWaiting({ ...waiting(3), wait: null, first: 3 });
  assert.deepEqual([element("work").hidden, element("waiting").hidden], [true, false]);
  view.showJoining();
  assert.equal(element("work").hidden, true);
});

test("whoever only the site can help gets a link there where it is known, and no try that is bound to fail", () => {
  const { view, element, buttons } = drawn();
  view.showTrouble(refused(401, "join_token_required"), undefined, null);
  assert.deepEqual(buttons(), []);
  view.showTrouble(refused(401, "join_token_expired"), undefined, "/shop");
  assert.deepEqual([buttons(), element("to-site").href], [["to-site"], "/shop"]);
  view.showTrouble(refused(428, "proof_of_work_required"), undefined, "/shop");
  assert.deepEqual(buttons(), ["try-again"]);
});
