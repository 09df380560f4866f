// The ticketing API's calls. Every refusal becomes a `Refusal`; what passes by itself is tried again with the same key.

import { noteServerTime } from "./clock.js";
import { access, activeToken } from "./memory.js";

const ANSWER_WITHIN_MS = 20_000;
const TRIES = 5;
const LONGEST_PAUSE_MS = 10_000;

/** What the API said no with. `status` is 0 when no answer came. */
export class Refusal extends Error {
  constructor(status, problem, retryAfterSeconds) {
    super(problem.title ?? "");
    this.status = status;
    this.code = problem.code ?? "";
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Nothing is decided yet: the same request with the same key may still succeed, and cannot happen twice. */
  get undecided() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504
      || this.status === 429 || this.code === "idempotency_in_progress";
  }
}

export const concerts = () => call("GET", "/v1/concerts?page=0&size=50");
export const concert = (id) => call("GET", `/v1/concerts/${id}`);
export const performance = (id) => call("GET", `/v1/performances/${id}`);
export const seats = (id) => call("GET", `/v1/performances/${id}/seats`);

/** The visitor is here: their turn is kept for them. */
export const arrive = () => call("PUT", "/v1/active-token", { admitted: true, repeatable: true });
/** Gives the turn back, and every seat that is kept under it. */
export const leave = () => call("DELETE", "/v1/active-token", { member: access.valid(), admitted: true, repeatable: true });

/** The site's word for who the member is, which a waiting room of members asks for. */
export const joinToken = (queue) =>
  call("POST", `/v1/queues/${queue}/join-tokens`, { member: true, repeatable: true });

// With the turn, so that it does not pass while somebody fills in a form, and is theirs once they are in.
export const signUp = (person) => call("POST", "/v1/members", { body: person, admitted: true, repeatable: true });
export const signIn = (person) => call("POST", "/v1/sessions", { body: person, admitted: true, repeatable: true });

export const wallet = () => call("GET", "/v1/wallet", { member: true });
export const topUp = (amount, key) => call("POST", "/v1/wallet/charges", { body: { amount }, member: true, key });

export const hold = (performanceId, numbers, key) =>
  call("POST", `/v1/performances/${performanceId}/holds`, { body: { seats: numbers }, member: true, admitted: true, key });
export const giveHoldBack = (id) =>
  call("DELETE", `/v1/holds/${id}`, { member: true, admitted: true, repeatable: true });

export const reserve = (holdId, key) =>
  call("POST", "/v1/reservations", { body: { hold_id: holdId }, member: true, admitted: true, key });
export const reservations = () => call("GET", "/v1/reservations?page=0&size=50", { member: true });
export const reservation = (id) => call("GET", `/v1/reservations/${id}`, { member: true });
export const pay = (id, key) =>
  call("POST", `/v1/reservations/${id}/payments`, { member: true, admitted: true, key });

/** A fresh idempotency key. `randomUUID` exists in secure contexts alone, and not everybody tests on the loopback. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function call(method, path, needs = {}) {
  // Without a key a repeated change could happen twice, except where once and twice are the same.
  const tries = method === "GET" || needs.key || needs.repeatable ? TRIES : 1;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send(method, path, needs);
    } catch (refusal) {
      if (!(refusal instanceof Refusal) || !refusal.undecided || attempt >= tries) throw refusal;
      // Whoever is told to stay away for long had better be told than kept waiting.
      if (refusal.retryAfterSeconds * 1000 > LONGEST_PAUSE_MS) throw refusal;
      await pause(attempt, refusal.retryAfterSeconds);
    }
  }
}

async function send(method, path, { body, member, admitted, key }) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (member && access.token()) headers.Authorization = `Bearer ${access.token()}`;
  if (admitted && activeToken.get()) headers["Active-Token"] = activeToken.get();
  if (key) headers["Idempotency-Key"] = key;
  let response;
  let answer;
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store", signal });
    noteServerTime(response);
    answer = isJson(response) ? await response.json() : null;
  } catch {
    throw new Refusal(0, { code: "unreachable" });
  }
  if (response.ok) return answer;
  throw new Refusal(response.status, answer ?? {}, Number(response.headers.get("Retry-After")) || undefined);
}

function isJson(response) {
  return /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
}

/** At least what the server asked for, doubling without its word; random, so that those refused together come back apart. */
function pause(attempt, retryAfterSeconds) {
  const asked = (retryAfterSeconds ?? 0) * 1000;
  const own = Math.min(LONGEST_PAUSE_MS, 400 * 2 ** attempt);
  const milliseconds = Math.max(asked, own / 2) + Math.random() * (own / 2);
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
