// How long to wait before asking again. All is drawn: those who were cut off together must not come back together.

const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;

/** The pause after the nth failure in a row: doubling, random in its upper half, at most half a minute. */
export function backOff(failures, random) {
  const ceiling = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** failures);
  return ceiling / 2 + (random() * ceiling) / 2;
}

/** Where all have the same instant to wait for: each comes some time within the second after it. */
export function withinASecond(random) {
  return random() * 1_000;
}

/** Up to a fifth later, never sooner. */
export function jittered(milliseconds, random) {
  return milliseconds * (1 + random() / 5);
}
