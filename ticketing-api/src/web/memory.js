// What outlives a reload of this tab and nothing more: who is signed in, the turn, and a booking half-way.

import { serverNow } from "./clock.js";

const ACTIVE_TOKEN = "sale:active-token";
const TURN_OVER = "sale:turn-over";
const ACCESS = "sale:access";
const BOOKING = "sale:booking:";

/** The right to buy, handed over by the waiting room. */
export const activeToken = {
  get: () => sessionStorage.getItem(ACTIVE_TOKEN),

  /** The turn is over, and why: in words, for as long as there is no other. */
  end(why) {
    sessionStorage.removeItem(ACTIVE_TOKEN);
    sessionStorage.setItem(TURN_OVER, why);
  },

  /** Why the turn is over. Empty when it is not, or there was none. */
  whyOver() {
    if (this.get()) return this.claims() ? "" : "The time of your turn has run out. Please take a new place in the line.";
    return sessionStorage.getItem(TURN_OVER) ?? "";
  },

  /** Moves a token out of the address, where it would be shared with the link. Returns whether there was one. */
  takeFromAddress() {
    const token = new URLSearchParams(location.hash.slice(1)).get("active_token");
    if (!token) return false;
    sessionStorage.setItem(ACTIVE_TOKEN, token);
    sessionStorage.removeItem(TURN_OVER);
    history.replaceState(null, "", location.pathname + location.search);
    return true;
  },

  /** What the token says of itself; the API alone judges whether it is true. Null when there is none or it has run out. */
  claims() {
    try {
      const payload = this.get().split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
      const claims = JSON.parse(atob(payload));
      return claims.exp * 1000 > serverNow() ? claims : null;
    } catch {
      return null;
    }
  },
};

/** The signed-in member. */
export const access = {
  token: () => stored(ACCESS)?.access_token ?? null,
  nickname: () => stored(ACCESS)?.member?.nickname ?? "",
  /** Whether somebody is signed in and will still be in a moment. */
  valid: () => Date.parse(stored(ACCESS)?.expires_at ?? 0) > serverNow() + 1000,
  keep: (session) => sessionStorage.setItem(ACCESS, JSON.stringify(session)),
  forget: () => sessionStorage.removeItem(ACCESS),
};

/** The booking of one performance: {seats, amount, hold, reservation, expires_at, keys}. */
export const booking = {
  of: (performanceId) => stored(bookingKey(performanceId)),
  keep: (performanceId, value) => sessionStorage.setItem(bookingKey(performanceId), JSON.stringify(value)),
  forget: (performanceId) => sessionStorage.removeItem(bookingKey(performanceId)),
  forgetAll: () => Object.keys(sessionStorage).filter((key) => key.startsWith(BOOKING))
    .forEach((key) => sessionStorage.removeItem(key)),
};

function bookingKey(performanceId) {
  return `${BOOKING}${performanceId}`;
}

function stored(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}
