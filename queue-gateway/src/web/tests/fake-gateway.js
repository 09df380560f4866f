// A gateway for tests, and what gateways say.

import { Refusal } from "../refusal.js";

/** Answers are prepared by the test, the last of each again and again: documents, refusals, or functions to either. */
export class FakeGateway {
  calls = [];
  entrance = "/v1/queues/demo/enter";
  bringsMember = false;
  bringsInvitation = false;
  #answers = {
    join: [],
    currentPlace: [],
    leave: [null],
    publicState: [{ title: "Demo", state: "open" }],
    knock: [null],
  };

  /** Prepares the answers to a call. */
  will(call, ...answers) {
    this.#answers[call] = answers;
  }

  /** How often a call was made. */
  count(call) {
    return this.calls.filter((made) => made === call).length;
  }

  join = (proof) => this.#answer("join", proof).then((place) => ({ place, fresh: place.fresh ?? false }));
  currentPlace = () => this.#answer("currentPlace").then((place) => ({ place, askAgainSeconds: 4 }));
  leave = () => this.#answer("leave");
  publicState = () => this.#answer("publicState");
  knock = () => this.#answer("knock");
  dropInvitation = () => (this.bringsInvitation = false);

  async #answer(call, content) {
    this.calls.push(call);
    const answers = this.#answers[call];
    const next = answers.length > 1 ? answers.shift() : answers[0];
    const answer = typeof next === "function" ? await next(content) : next;
    if (answer instanceof Refusal) throw answer;
    return answer;
  }
}

/** A refusal by its status and code; `more` is what else its document tells. */
export function refused(status, code, retryAfterSeconds, more) {
  return new Refusal(status, code && { code, ...more }, retryAfterSeconds);
}

/** The refusal of a join that comes before joins are taken. */
export function tooEarly(joinsFrom, opensAt) {
  return refused(409, "queue_scheduled", 30, { joins_from: joinsFrom, opens_at: opensAt, redirect_to: "/shop" });
}

/** A document of somebody who waits. */
export function waiting(position, more = {}) {
  const wait_seconds = { p50: 30, p90: 55 };
  return { queue: "demo", state: "waiting", position, behind: 4, wait_seconds, message: null, ...more };
}
