// The gateway's calls as functions.

import { Refusal } from "./refusal.js";

const ANSWER_WITHIN_MS = 15_000;
/** An admitted visitor has half a minute: a call that hangs leaves time for the next. */
const ENTRANCE_WITHIN_MS = 5_000;
const DEFAULT_POLL_SECONDS = 5;

export class Gateway {
  #queue;
  #clock;
  #runtime;
  #fetch;
  #joinToken;
  #invitation;

  /**
   * `clock` learns the server's time from the answers; `joinToken` is the site's word for a member, `invitation` one to
   * the priority lane.
   */
  constructor({ queue, clock, runtime, fetch, joinToken, invitation }) {
    this.#queue = queue;
    this.#clock = clock;
    this.#runtime = runtime;
    this.#fetch = fetch;
    this.#joinToken = joinToken;
    this.#invitation = invitation;
  }

  /**
   * Takes a place, or finds the one that this browser has; `fresh` tells the two apart. `proof` holds the headers that
   * the gateway asked for when it refused an earlier try.
   */
  async join(proof = {}) {
    const headers = { "Content-Type": "application/json", ...proof };
    // Without a word its key is left out: a line that is for everybody takes none.
    const [joinToken, invitation] = [this.#joinToken.value, this.#invitation.value];
    const body = JSON.stringify({ join_token: joinToken ?? undefined, invitation: invitation ?? undefined });
    const answer = await this.#call("/tokens", { method: "POST", headers, body });
    // From now on the browser holds the place itself.
    this.#joinToken.drop(joinToken);
    // While the queue drains, whoever has another place keeps both.
    if (answer.body.invited || answer.body.state === "admitted") this.#invitation.drop(invitation);
    return { place: answer.body, fresh: answer.status === 201 };
  }

  /** Whether the site has just sent a member here, who may be another than the one whose place this browser kept. */
  get bringsMember() {
    return this.#joinToken.value !== null;
  }

  /** Whether the visitor was invited to the priority lane and has no place there yet. */
  get bringsInvitation() {
    return this.#invitation.value !== null;
  }

  /** The invitation gives no place. */
  dropInvitation() {
    this.#invitation.drop();
  }

  /** Where this browser stands, and in how many seconds asking again is welcome. */
  async currentPlace() {
    const answer = await this.#call("/tokens/current");
    const askAgainSeconds = answer.retryAfterSeconds ?? answer.body.poll_after_seconds ?? DEFAULT_POLL_SECONDS;
    return { place: answer.body, askAgainSeconds };
  }

  /** Gives the place up. */
  async leave() {
    await this.#call("/tokens/current", { method: "DELETE" });
  }

  /** What the queue as a whole is doing. The same for all, so a cache on the way may answer. */
  async publicState() {
    return (await this.#call("", { cache: "default" })).body;
  }

  /** Where an admitted visitor goes in: it records the arrival and leads on to the tickets. */
  get entrance() {
    return this.#address("/enter");
  }

  /**
   * Records the arrival without going anywhere yet: a page that walked into an outage could not try again. Returns when
   * the entrance leads on.
   */
  async knock() {
    const response = await this.#send("/enter", { redirect: "manual" }, ENTRANCE_WITHIN_MS);
    // Where it leads to is hidden from scripts; that it leads somewhere is all we need.
    if (response.type === "opaqueredirect") return;
    throw await refusalOf(response);
  }

  /** Where the stream of this queue is. */
  get streamAddress() {
    return this.#address("/stream");
  }

  #address(path) {
    return `/v1/queues/${encodeURIComponent(this.#queue)}${path}`;
  }

  async #call(path, options = {}) {
    const response = await this.#send(path, options, ANSWER_WITHIN_MS);
    if (!response.ok) throw await refusalOf(response);
    const body = await documentOf(response);
    // A success without a document is somebody else's: the log-in page of a hotel's network, for one.
    if (!body && response.status !== 204) throw new Refusal(0);
    return { status: response.status, body, retryAfterSeconds: retryAfter(response) };
  }

  async #send(path, options, withinMs) {
    const sentAt = this.#runtime.now();
    try {
      const response = await this.#fetch(this.#address(path), {
        cache: "no-store",
        ...options,
        // A connection that hangs must not stop a page that promised never to give up.
        signal: AbortSignal.timeout(withinMs),
      });
      // A cache tells the time at which it was filled.
      if (!options.cache) this.#clock.learn(response.headers.get("Date"), sentAt);
      return response;
    } catch {
      throw new Refusal(0);
    }
  }
}

async function refusalOf(response) {
  return new Refusal(response.ok ? 0 : response.status, await documentOf(response), retryAfter(response));
}

/** The answer's document; null when it is none, or breaks off on the way. */
async function documentOf(response) {
  if (!/\bjson\b/.test(response.headers.get("Content-Type") ?? "")) return null;
  return response.json().catch(() => null);
}

/** Only the form in seconds: our gateway sends no dates, and a proxy's clock is not ours. */
function retryAfter(response) {
  const header = response.headers.get("Retry-After");
  const seconds = Number(header);
  return header && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}
