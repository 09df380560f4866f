import assert from "node:assert/strict";
import { test } from "node:test";

import {
  computingInWords,
  goneInWords,
  leavingFailedInWords,
  lineInWords,
  refusalInWords,
  troubleInWords,
  turnInWords,
} from "../sentences.js";
import { refused, waiting } from "./fake-gateway.js";

const line = (more) => lineInWords({ ...waiting(12), wait: { p50: 30, p90: 55 }, ...more });

test("a place in the line is told with its number and wait", () => {
  const words = line();
  assert.equal(words.title, "You are in the line");
  assert.deepEqual([words.position, words.wait, words.behind], ["12", "less than a minute", "4 people"]);
  assert.equal(line({ position: 1 }).title, "You are next");
});

test("what is spoken holds what is seen", () => {
  const { spoken } = line();
  assert.match(spoken, /^You are in the line\. .* Your place is 12\. Expected wait: less than a minute\.$/);
  assert.match(line({ paused: true }).spoken, /^The line is paused\. .* Your place is 12\.$/);
});

test("a line that stands still promises no wait", () => {
  const words = line({ paused: true, position: 1 });
  assert.deepEqual([words.title, words.wait], ["The line is paused", "paused"]);
  assert.match(words.lead, /place is kept/);
});

test("whoever is held back learns why and that the place is kept", () => {
  const words = line({ state: "parked", reason: "network_held_back", position: 1 });
  assert.match(words.lead, /from your network went on to the tickets, so we let its visitors in one at a time/);
  assert.match(words.lead, /place is kept/);
  assert.equal(words.wait, "not known");
  assert.doesNotMatch(line({ state: "parked" }).lead, /network/);
});

test("a place that cannot be asked for is said to be refreshed", () => {
  assert.match(line({ refreshing: true }).lead, /being refreshed/);
  assert.equal(line({ refreshing: true, position: 1 }).title, "You are next");
});

test("whoever was called and was away is told so kindly", () => {
  const words = line({ again: true, position: 1 });
  assert.equal(words.title, "You are next again");
  assert.match(words.lead, /^We called you, but you were away: you are next again\./);
  assert.equal(line({ again: true, position: 3 }).title, "You are near the front again");
});

test("a place without a number is shown as a place", () => {
  assert.equal(line({ state: "scheduled", position: null }).position, "\u2013");
});

test("a computation is said to be as far as it is on average, and never done", () => {
  const shown = [0, 0.004, 0.295, 0.999, 1, 7].map((share) => computingInWords(share));
  assert.deepEqual(shown.map(({ percent }) => percent), [0, 0, 29, 99, 99, 99]);
  assert.match(shown[2].done, /^29\u00a0% of the usual work$/);
  assert.match(shown[5].done, /luck/);
  assert.equal(new Set(shown.map(({ title, lead }) => title + lead)).size, 1, "what is spoken stays the same");
});

test("each way in has its words, with the time that is left", () => {
  assert.equal(turnInWords({ way: "going", left: 42_000 }).kept, " Your turn is kept for 0:42.");
  assert.equal(turnInWords({ way: "going", left: -1 }).kept, "");
  assert.match(turnInWords({ way: "elsewhere", left: 1 }).lead, /another tab/);
  assert.equal(turnInWords({ way: "elsewhere", left: 5_000 }).kept, "", "whoever is there need not hurry");
  for (const way of ["planned", "going", "late", "open"]) assert.match(turnInWords({ way, left: 1 }).lead, /tickets/);
});

test("every reason for a lost place has words of its own", () => {
  const reasons = ["left", "no_show", "not_claimed", "passed", "ended", "released", "revoked", null];
  const leads = reasons.map((reason) => goneInWords(reason).lead);
  assert.equal(new Set(leads).size, reasons.length);
});

test("a reason that this page does not know yet is no reason to fail", () => {
  assert.deepEqual(goneInWords("from_the_future"), goneInWords(null));
  assert.deepEqual(goneInWords("toString"), goneInWords(null));
});

test("refusals are told by their code, else by their status", () => {
  assert.match(refusalInWords(refused(503, "line_full")), /The line is full/);
  assert.match(refusalInWords(refused(503)), /very busy/);
  assert.match(refusalInWords(refused(0)), /cannot be reached/);
  assert.match(refusalInWords(refused(500)), /on our side/);
  assert.match(refusalInWords(refused(429)), /your network/);
  assert.match(refusalInWords(refused(400, "constructor")), /reload/);
});

test("a try that follows is announced with its seconds", () => {
  assert.equal(troubleInWords(refused(503, "line_full"), 40).title, "The line is full");
  assert.match(troubleInWords(refused(503), 7).lead, /next try follows in 7\u00a0s/);
  assert.equal(troubleInWords(refused(404, "queue_not_found")).title, "The waiting room did not open");
});

test("members are told what to do at the site", () => {
  const codes = ["join_token_required", "join_token_expired", "join_token_invalid"];
  const words = codes.map((code) => troubleInWords(refused(401, code)));
  for (const { title, lead } of words) assert.match(`${title} ${lead}`, /from the site .*come here/);
  assert.equal(new Set(words.map(({ lead }) => lead)).size, codes.length);
  assert.match(words[0].lead, /log in at the site first/);
});

test("a claimed turn is given up at the tickets", () => {
  assert.match(leavingFailedInWords(refused(409, "slot_claimed")), /leave there/);
  assert.match(leavingFailedInWords(refused(500)), /try once more/);
});
