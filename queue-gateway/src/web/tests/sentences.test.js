import assert from "node:assert/strict";
import { test } from "node:test";

import {
  beforeJoinsInWords,
  closedInWords,
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

test("whoever was invited is told that the place is in the priority lane", () => {
  const words = line({ invited: true });
  assert.equal(words.title, "You are in the priority lane");
  assert.match(words.lead, /among those who were invited/);
  assert.match(words.warning, /invitation gives no other/);
  assert.equal(line({ invited: true, position: 1 }).title, "You are next");
  const refusal = refused(409, "invitation_used");
  assert.match(troubleInWords(refusal).lead, /join the line without it/);
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

test("a line that is put in order is said to stand still, and to keep the place", () => {
  const words = line({ rejoining: true });
  assert.deepEqual([words.title, words.wait, words.position], ["You are in the line", "a moment", "12"]);
  assert.match(words.lead, /fault on our side\. Your place is kept; nobody is let in until/);
  assert.doesNotMatch(words.spoken, /Expected wait/);
  assert.notEqual(words.topic, line().topic, "it is spoken of when it begins");
  assert.equal(line({ rejoining: true, position: 1 }).title, "You are next");
  assert.equal(line({ rejoining: true, paused: true }).title, "The line is paused");
});

test("whoever waits while nobody can join any more is told so, and that leaving is for good", () => {
  const words = line({ draining: true });
  assert.match(words.lead, /when it is your turn\. Nobody new can join any more\.$/);
  assert.match(words.warning, /you could not come back/);
  assert.equal(words.wait, "less than a minute", "the line moves on");
  assert.notEqual(words.topic, line().topic, "it is spoken of when it begins");
  assert.match(line({ draining: true, paused: true }).lead, /Nobody new can join/);
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
  assert.equal(line({ position: null }).position, "\u2013");
});

const TEN = Date.parse("2027-01-15T10:00:00Z");
const PRE_QUEUE = { state: "pre_queue", opening: "fifo", opensAt: TEN, left: 125_000, wait: null };
const opening = (more) => line({ ...PRE_QUEUE, ...more });

test("before the opening a place is kept, and the time is counted down", () => {
  const words = opening();
  assert.equal(words.title, "The sale has not begun yet");
  assert.match(words.lead, /^The sale begins at .*\. You keep your place/);
  assert.deepEqual([words.waitLabel, words.wait, words.position], ["Opens in", "2\u00a0min\u00a005\u00a0s", "12"]);
  assert.match(words.spoken, /Your place is 12\. It opens in less than 5 minutes\.$/);
  assert.match(words.tab, /^Opens at .* \u00b7 Waiting room$/);
});

test("a draw is explained honestly, and shows no place", () => {
  const words = opening({ opening: "draw", position: null, number: 17 });
  assert.equal(words.title, "You are in the draw");
  assert.match(words.lead, /everybody who is here gets a place in the line at random: coming earlier gains nothing/);
  assert.match(words.lead, /stay on this page/);
  assert.deepEqual([words.number, words.hasOrder, words.behind], ["17", false, ""]);
  assert.match(words.spoken, /Your number in the draw is 17\./);
  assert.doesNotMatch(words.spoken + words.lead, /[Yy]our place/);
});

test("an opening that was put off is told with its new time, and that nothing is lost", () => {
  const words = opening({ state: "scheduled" });
  assert.equal(words.title, "The opening was put off");
  assert.match(words.lead, /^The sale now begins at .*You keep your place/);
  assert.match(opening({ state: "scheduled", opening: "draw" }).lead, /^The sale now begins at .* at random/);
  const unknown = opening({ state: "scheduled", opensAt: null, left: null });
  assert.match(unknown.lead, /not known yet/);
  assert.deepEqual([unknown.wait, unknown.step, unknown.tab], ["not known yet", null, "Waiting room"]);
});

test("an opening that is due is about to come, and is not counted below nothing", () => {
  for (const left of [0, -90_000]) {
    const words = opening({ left });
    assert.deepEqual([words.title, words.wait, words.step], ["The sale is about to begin", "a moment", null]);
  }
});

test("a draw that takes its time is said to be under way, and promises no moment", () => {
  const words = opening({ opening: "draw", position: null, number: 17, left: -60_000 });
  assert.deepEqual([words.title, words.wait, words.number], ["The places are being drawn", "soon", "17"]);
  assert.match(words.lead, /who was here at the opening .*some minutes/);
});

test("after a draw the number stays to be seen, and the place is what is spoken of", () => {
  const words = line({ number: 17 });
  assert.deepEqual([words.number, words.position, words.hasOrder], ["17", "12", true]);
  assert.doesNotMatch(words.spoken, /draw/);
  assert.equal(line().number, "");
});

test("before joins are taken the time is told, and that the page joins by itself", () => {
  const words = beforeJoinsInWords({ joinsFrom: TEN, opensAt: TEN + 1_800_000, left: 125_000 });
  assert.equal(words.title, "The waiting room opens in 2\u00a0min\u00a005\u00a0s");
  assert.match(words.lead, /^It opens at .*\. The sale begins at .*\. Please keep this page open: .* by itself/);
  const together = beforeJoinsInWords({ joinsFrom: TEN, opensAt: TEN, left: 125_000 });
  assert.doesNotMatch(together.lead, /The sale begins/);
  assert.match(beforeJoinsInWords({ joinsFrom: TEN, opensAt: TEN, left: 0 }).title, /is opening/);
  const unknown = beforeJoinsInWords({ joinsFrom: null, opensAt: null, left: null });
  assert.match(unknown.lead, /not known yet/);
  assert.equal(unknown.tab, "Waiting room");
});

test("what is spoken of a countdown is the same within a step", () => {
  const said = [119_000, 90_000, 61_000].map((left) => [
    opening({ opensAt: TEN, left }).spoken,
    beforeJoinsInWords({ joinsFrom: TEN, opensAt: null, left }).spoken,
  ]);
  assert.deepEqual(said[0], said[1]);
  assert.deepEqual(said[0], said[2]);
});

test("whoever comes too late is told what goes on, and what is over", () => {
  assert.equal(troubleInWords(refused(409, "queue_draining")).title, "This sale takes nobody new any more");
  assert.equal(troubleInWords(refused(410, "queue_closed")).title, "The sale is closed");
  assert.equal(closedInWords().title, "The sale is closed");
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

test("people are told whether anybody could have chosen the outcome of a draw", () => {
  const line = { state: "pre_queue", opening: "draw", number: 17, opensAt: null, left: null };
  assert.doesNotMatch(lineInWords({ ...line, draw: null }).lead, /value/);
  assert.match(lineInWords({ ...line, draw: { beacon_source: "drand 4242" } }).lead, /nobody knows yet: drand 4242$/);
  assert.match(lineInWords({ ...line, draw: { beacon_source: null } }).lead, /could have known its outcome/);
});

test("whoever waits for a draw is told that coming early gains nothing", () => {
  const times = { joinsFrom: 60_000, opensAt: 120_000, left: 60_000 };
  assert.match(beforeJoinsInWords({ ...times, opening: "draw" }).lead, /coming earlier gains nothing/);
  assert.doesNotMatch(beforeJoinsInWords({ ...times, opening: "fifo" }).lead, /gains nothing/);
});
