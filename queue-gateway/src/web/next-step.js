// What a place document means for the page. Pure functions: the rules of what comes next are here and nowhere else.

/** Long enough to read that it is one's turn. */
export const READ_FIRST_MS = 1_200;
/** So much longer a tab that nobody looks at leaves the way in to one that somebody looks at. */
const LOOKED_AT_FIRST_MS = 1_500;

/**
 * What to do with a document. `mode` is what the page is doing (joining, waiting, admitted or left), `called` whether
 * this visitor was told of an admission before and has not gone in since.
 *
 * - `enter`: it is this visitor's turn, go in.
 * - `stand`: the turn goes on, and the visitor has been to the tickets: to take them there once more would be a trap
 *   for whoever came back on purpose.
 * - `follow`: there is a place in the line; `again` when the visitor was called and was away.
 * - `gone`: there is no place any more, for `reason`.
 * - `closed`: the queue is over for everybody; the gateway keeps the place, should it open again.
 */
export function nextStep(mode, place, called) {
  switch (place.state) {
    case "admitted":
      return { step: mode === "admitted" && !place.arrive_before ? "stand" : "enter" };
    case "left":
      return { step: "gone", reason: place.reason ?? null };
    case "closed":
      return { step: "closed" };
    default:
      // Whatever else a gateway may say some day is said of somebody who is to stay.
      return { step: "follow", again: mode === "admitted" || called };
  }
}

/** Whether there is a place, in the line or at the tickets, that tabs can follow. */
export function isThere(place) {
  return place.state !== "left" && place.state !== "closed";
}

/** Whether a place is in a line that has not been opened yet, or whose opening was put off. */
export function isBeforeOpening(place) {
  return place.state === "pre_queue" || place.state === "scheduled";
}

/** Whether there is no order yet: the opening gives everybody a place at random. */
export function awaitsDraw(place) {
  return isBeforeOpening(place) && place.opening === "draw";
}

/** Whether a join is worth trying, by the public state. Where it is refused for good the refusal tells why. */
export function takesJoins(state) {
  return state !== "scheduled";
}

/**
 * What a queue does for those in its line, by the one word of its public state. The word for what stands still hides
 * whether others may join: that is as it was `before`.
 */
export function flowOf(state, before) {
  const standsStill = state === "paused" || state === "rejoining";
  return {
    paused: state === "paused" || (state === "rejoining" && before.paused),
    rejoining: state === "rejoining",
    draining: state === "draining" || (standsStill && before.draining),
  };
}

/** When an admitted visitor's turn ends unless something happens before, by the server's clock. */
export function deadlineOf(place) {
  return place.arrive_before ?? place.claim_before ?? place.expires_at ?? null;
}

/** In how many milliseconds this tab goes in; null when that is left to the others. */
export function pauseBeforeEntering({ hidden, leading }) {
  if (!hidden) return READ_FIRST_MS;
  return leading ? READ_FIRST_MS + LOOKED_AT_FIRST_MS : null;
}

/**
 * Whether somebody who had a place when the page was last open, and now has none, is simply given a new one. Whoever
 * lost it otherwise is told why first: a new place at the end without a word would look like a fault of the line.
 */
export function joinsAnew(place) {
  return place.state === "left" && (place.reason === "left" || place.reason === "released");
}
