// What the API's refusals mean to a person, by their stable codes.

import { seatNumbers } from "./words.js";

const BY_CODE = {
  unreachable: "The ticket office cannot be reached at the moment. Please try again.",
  invalid_credentials: "Email and password do not belong together.",
  email_taken: "There is already an account with this email.",
  nickname_taken: "Somebody else has this nickname.",
  sale_not_open: "The sale has not opened yet.",
  sale_closed: "The sale is over.",
  seats_blocked: "These seats are not for sale.",
  too_many_seats: "You cannot have that many seats of one evening.",
  insufficient_balance: "There is not enough money in your wallet.",
  hold_expired: "The time to pay has run out, and the seats are free again.",
  reservation_expired: "The time to pay has run out, and the seats are free again.",
};

const BY_STATUS = {
  0: BY_CODE.unreachable,
  401: "Please sign in.",
  402: BY_CODE.insufficient_balance,
  403: "This belongs to somebody else.",
  404: "This does not exist any more.",
  410: BY_CODE.hold_expired,
  429: "That was a little fast. Please try again in a moment.",
  503: "The ticket office is very busy. Please try again in a moment.",
};

/** One sentence, or two. */
export function refusalInWords(refusal) {
  if (refusal.code === "seats_taken") return seatsTaken(takenSeats(refusal));
  const known = BY_CODE[refusal.code] ?? BY_STATUS[refusal.status];
  if (known) return known;
  if (refusal.status >= 500) return "Something went wrong on our side. Please try again.";
  const said = refusal.problem.detail ?? refusal.problem.title ?? "That did not work";
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}.`.replace(/\.\.$/, ".");
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
