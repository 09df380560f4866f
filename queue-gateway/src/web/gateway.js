// The gateway's calls as functions, and its refusals as sentences for a person.

const ANSWER_WITHIN_MS = 15_000;
const DEFAULT_POLL_SECONDS = 5;

/** A refusal or a failure, already in words. `status` is 0 when no answer came at all. */
export class Refusal extends Error {
  constructor(status, code, sentence, retryAfterSeconds) {
    super(sentence);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether asking again later can help without the visitor doing anything. */
  get passes() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Takes a place, or finds the one that this browser has. `fresh` tells the two apart. */
export async function join(queue) {
  const answer = await call(queue, "/tokens", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  return { place: answer.body, fresh: answer.status === 201 };
}

/** Where this browser stands, and in how many seconds asking again is welcome. */
export async function currentPlace(queue) {
  const answer = await call(queue, "/tokens/current");
  const askAgainSeconds = answer.retryAfterSeconds ?? answer.body.poll_after_seconds ?? DEFAULT_POLL_SECONDS;
  return { place: answer.body, askAgainSeconds };
}

/** Gives the place up. */
export async function leave(queue) {
  await call(queue, "/tokens/current", { method: "DELETE" });
}

/** What the queue as a whole is doing. The same for all, so a cache on the way may answer. */
export async function publicState(queue) {
  return (await call(queue, "", { cache: "default" })).body;
}

/** Where the stream of this queue is. */
export function streamAddress(queue) {
  return address(queue, "/stream");
}

function address(queue, path) {
  return `/v1/queues/${encodeURIComponent(queue)}${path}`;
}

async function call(queue, path, options = {}) {
  let response;
  try {
    response = await fetch(address(queue, path), {
      cache: "no-store",
      ...options,
      // A connection that hangs must not stop a page that promised never to give up.
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const body = isJson(response) ? await response.json() : null;
    const retryAfterSeconds = secondsOf(response.headers.get("Retry-After"));
    // A success without a document is somebody else's: the log-in page of a hotel's network, for one.
    if (response.ok && (body || response.status === 204)) return { status: response.status, body, retryAfterSeconds };
    if (response.ok) throw unreachable();
    throw new Refusal(response.status, body?.code ?? "", sentenceFor(response.status), retryAfterSeconds);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw unreachable();
  }
}

function unreachable() {
  return new Refusal(0, "unreachable", "The waiting room cannot be reached at the moment.");
}

function isJson(response) {
  return /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
}

/** Only the form in seconds: our gateway sends no dates, and a proxy's clock is not ours. */
function secondsOf(header) {
  const seconds = Number(header);
  return header && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

function sentenceFor(status) {
  switch (status) {
    case 401:
      return "This browser has no place in the line any more.";
    case 404:
      return "There is no waiting room at this address. Please check the link you followed.";
    case 429:
      return "Too many requests came from your network.";
    case 503:
      return "The waiting room is very busy.";
    default:
      return status >= 500
        ? "Something went wrong on our side."
        : "The waiting room did not accept the request. Please reload the page.";
  }
}
