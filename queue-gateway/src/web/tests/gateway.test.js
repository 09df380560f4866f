import assert from "node:assert/strict";
import { test } from "node:test";

import { FragmentWord } from "../fragment-word.js";
import { Gateway } from "../gateway.js";
import { Refusal } from "../refusal.js";
import { ServerClock } from "../server-clock.js";
import { ManualRuntime } from "./manual-runtime.js";

/** A gateway that gives these answers, and the requests that it got. */
function gateway(...answers) {
  const runtime = new ManualRuntime();
  const clock = new ServerClock(runtime.now);
  const requests = [];
  const fetch = async (address, options) => {
    requests.push({ address, ...options });
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const joinToken = new FragmentWord("join_token");
  const invitation = new FragmentWord("invitation");
  return {
    calls: new Gateway({ queue: "demo", clock, runtime, fetch, joinToken, invitation }),
    requests,
    clock,
    runtime,
    joinToken,
    invitation,
  };
}

function json(status, body, headers = {}) {
  const type = status < 400 ? "application/json" : "application/problem+json";
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": type, ...headers } });
}

const refusalOf = (call) => call.then(() => assert.fail("accepted"), (error) => error);

test("a join tells a new place from one that was there", async () => {
  const { calls, requests } = gateway(json(201, { state: "waiting" }), json(200, { state: "waiting" }));
  assert.equal((await calls.join()).fresh, true);
  assert.equal((await calls.join({ "Proof-Of-Work": "c.7" })).fresh, false);
  for (const { method, address } of requests) assert.equal(`${method} ${address}`, "POST /v1/queues/demo/tokens");
  assert.deepEqual(requests.map(({ headers }) => headers["Proof-Of-Work"]), [undefined, "c.7"]);
});

test("a join carries the site's word for a member while there is one, and else an empty object", async () => {
  const { calls, requests, joinToken } = gateway(...Array.from({ length: 3 }, () => json(200, { state: "waiting" })));
  await calls.join();
  joinToken.take({ hash: "#join_token=e.y.J", pathname: "/waiting-room/demo", search: "" }, () => {});
  await calls.join();
  joinToken.drop();
  await calls.join();
  assert.deepEqual(requests.map(({ body }) => body), ["{}", '{"join_token":"e.y.J"}', "{}"]);
});

test("a join carries the invitation until it has given a place, or gives none", async () => {
  const general = json(200, { state: "waiting" });
  const answers = [json(409, { code: "invitation_used" }), general, json(201, { state: "waiting", invited: true })];
  const { calls, requests, invitation } = gateway(...answers);
  const page = { hash: "#invitation=e.y.I", pathname: "/waiting-room/demo", search: "" };
  const take = () => invitation.take(page, () => {});
  take();
  await refusalOf(calls.join());
  assert.equal(calls.bringsInvitation, true, "whether it ends is for the page to say");
  calls.dropInvitation();
  assert.equal(calls.bringsInvitation, false);
  take();
  await calls.join();
  assert.equal(calls.bringsInvitation, true, "a queue that drains gives no place, and leaves the one of before");
  await calls.join();
  assert.deepEqual(requests.map(({ body }) => body), Array(3).fill('{"invitation":"e.y.I"}'));
  assert.equal(calls.bringsInvitation, false);
});

test("an invitation that comes while another join is under way is not lost to its answer", async () => {
  const { calls, invitation } = gateway(json(201, { state: "admitted" }));
  const joined = calls.join();
  invitation.take({ hash: "#invitation=e.y.I", pathname: "/waiting-room/demo", search: "" }, () => {});
  await joined;
  assert.equal(calls.bringsInvitation, true);
});

test("a poll says when to ask again, by the header or else the document", async () => {
  const { calls } = gateway(
    json(200, { state: "waiting", poll_after_seconds: 9 }, { "Retry-After": "11" }),
    json(200, { state: "waiting", poll_after_seconds: 9 }, { "Retry-After": "Fri, 15 Jan 2027 08:00:00 GMT" }),
    json(200, { state: "waiting" }),
  );
  for (const seconds of [11, 9, 5]) assert.equal((await calls.currentPlace()).askAgainSeconds, seconds);
});

test("a refusal carries its code, its pause and its document", async () => {
  const { calls } = gateway(json(503, { code: "line_full", title: "Full" }, { "Retry-After": "40" }));
  const refusal = await refusalOf(calls.join());
  assert.ok(refusal instanceof Refusal);
  assert.deepEqual([refusal.status, refusal.code, refusal.retryAfterSeconds], [503, "line_full", 40]);
  assert.equal(refusal.problem.title, "Full");
  assert.ok(refusal.passes);
});

test("no answer, and a stranger's answer, are the same to a visitor", async () => {
  const page = new Response("<h1>Welcome to the hotel</h1>", { headers: { "Content-Type": "text/html" } });
  const broken = new Response('{"state":', { headers: { "Content-Type": "application/json" } });
  const { calls } = gateway(new TypeError("no network"), page, broken);
  for (let call = 0; call < 3; call += 1) {
    const refusal = await refusalOf(calls.currentPlace());
    assert.deepEqual([refusal.status, refusal.passes, refusal.endsPlace], [0, true, false]);
  }
});

test("only the gateway itself can say that there is no place", async () => {
  const { calls } = gateway(
    json(401, { code: "waiting_token_expired" }),
    json(404, { code: "queue_not_found" }),
    new Response("log in first", { status: 401 }),
    new Response("not here", { status: 404 }),
  );
  const ends = [];
  for (let call = 0; call < 4; call += 1) ends.push((await refusalOf(calls.currentPlace())).endsPlace);
  assert.deepEqual(ends, [true, true, false, false]);
});

test("leaving needs no document", async () => {
  const { calls, requests } = gateway(new Response(null, { status: 204 }));
  await calls.leave();
  assert.equal(requests[0].method, "DELETE");
});

test("the entrance is open when it leads on, and anything else is a refusal", async () => {
  const leadsOn = { type: "opaqueredirect", ok: false, status: 0, headers: new Headers() };
  const { calls, requests } = gateway(leadsOn, json(503, { code: "store_unavailable" }), new Response("hotel"));
  await calls.knock();
  assert.deepEqual([requests[0].address, requests[0].redirect], ["/v1/queues/demo/enter", "manual"]);
  assert.equal((await refusalOf(calls.knock())).code, "store_unavailable");
  assert.equal((await refusalOf(calls.knock())).status, 0);
});

test("answers tell the server's time, but none that a cache may have kept", async () => {
  const date = "Fri, 15 Jan 2027 09:00:00 GMT";
  const { calls, clock, runtime } = gateway(json(200, {}, { Date: date }), json(200, {}, { Date: date }));
  await calls.publicState();
  assert.equal(clock.now(), runtime.now());
  await calls.currentPlace();
  assert.ok(Math.abs(clock.now() - Date.parse(date)) <= 500);
});

test("a queue's name is part of an address, whatever it is", () => {
  const runtime = new ManualRuntime();
  const odd = new Gateway({ queue: "a/../b?c", clock: new ServerClock(runtime.now), runtime, fetch });
  assert.equal(odd.streamAddress, "/v1/queues/a%2F..%2Fb%3Fc/stream");
});
