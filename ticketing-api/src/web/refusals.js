// What the API's refusals mean to a person, by their stable codes.

import { seatNumbers } from "./words.js";

const TIME_RAN_OUT = "The time to pay has run out, and the seats are free again.";
const TURN_RAN_OUT = "The time of your turn has run out. Please take a new place in the line.";

/** Why a turn is gone, by the reason that the API gives. */
const TURN_GONE = {
  left: "You gave your turn back. For tickets, please take a new place in the line.",
  not_used_in_time: "Your turn passed before it was used. Please take a new place in the line.",
};

export const TURN_USED = "Your turn was used for a payment. For more tickets, please take a new place in the line.";

const BY_CODE = {
  unreachable: "The ticket office cannot be reached at the moment. Please try again.",
  invalid_credentials: "Email and password do not belong together.",
  too_many_log_ins: "Very many people are signing in. Please try again in a moment.",
  email_taken: "There is already an account with this email.",
  nickname_taken: "Somebody else has this nickname.",
  active_token_required: "It is not your turn yet. Please take a place in the line.",
  active_token_invalid: "The ticket office does not know your turn. Please take a new place in the line.",
  active_token_expired: TURN_RAN_OUT,
  active_token_consumed: TURN_USED,
  active_token_held_by_another: "Another member is using this turn. Please take a place of your own in the line.",
  active_token_wrong_queue: "Your turn is for another sale. Please take a place in the line for this one.",
  sale_not_open: "The sale has not opened yet.",
  sale_closed: "The sale is over.",
  seats_blocked: "Some of these seats are not for sale. Please choose others.",
  insufficient_balance: "There is not enough money in your wallet.",
  amount_not_positive: "Please enter an amount above zero.",
  charge_too_large: "That is more than can be added at once.",
  wallet_full: "Your wallet would hold more than it may.",
  wrong_currency: "Your wallet is in another currency.",
  idempotency_key_reused: "An earlier answer was lost on the way. Please reload the page to see what became of it.",
  hold_expired: TIME_RAN_OUT,
  reservation_expired: TIME_RAN_OUT,
  not_your_hold: "These seats are held by another member.",
  not_your_reservation: "This reservation belongs to another member.",
};

const BY_STATUS = {
  0: BY_CODE.unreachable,
  401: "Please sign in.",
  402: BY_CODE.insufficient_balance,
  403: "This belongs to somebody else.",
  404: "This does not exist any more.",
  410: TIME_RAN_OUT,
  429: "That was a little fast. Please try again in a moment.",
  503: "The ticket office is very busy. Please try again in a moment.",
};

/** One sentence, or two. */
export function refusalInWords(refusal) {
  if (refusal.code === "seats_taken") return seatsTaken(takenSeats(refusal));
  if (refusal.code === "too_many_seats") return tooManySeats(refusal.problem.limit);
  if (refusal.code === "active_token_gone") return turnBecause(refusal.problem.reason);
  const known = BY_CODE[refusal.code] ?? BY_STATUS[refusal.status];
  if (known) return known;
  if (refusal.status >= 500) return "Something went wrong on our side. Please try again.";
  return asSentence(refusal.problem.detail ?? refusal.problem.title ?? "That did not work");
}

/** What it means that a turn is gone for this reason. */
export function turnBecause(reason) {
  return TURN_GONE[reason] ?? "Your turn has ended. Please take a new place in the line.";
}

/** What the API says in lower case and without a stop, as a sentence. */
export function asSentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}

/** Which seats a `seats_taken` names. */
export function takenSeats(refusal) {
  return Array.isArray(refusal.problem.seats) ? refusal.problem.seats : [];
}

/** Seats that somebody else was faster to take. */
export function seatsTaken(numbers) {
  const who = numbers.length ? seatNumbers(numbers) : "one of these seats";
  return `Somebody was faster: ${who} ${numbers.length > 1 ? "are" : "is"} taken. Please choose again.`;
}

function tooManySeats(limit) {
  return `You can have ${limit} seats of one evening, with those that you have already.`;
}
