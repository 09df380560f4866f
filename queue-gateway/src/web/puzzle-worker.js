// Solves one puzzle beside the page, so that the page goes on answering. Told the puzzle, it says what share of the
// usual work is done, now and then, and at the end the number. Whoever wants no more of it ends it.

import { Puzzle } from "./puzzle.js";
import { runtime } from "./runtime.js";

const REPORT_EVERY_MS = 250;

self.addEventListener("message", ({ data }) => {
  const puzzle = new Puzzle(data);
  let number = null;
  while (number === null) {
    self.postMessage({ share: puzzle.share });
    number = puzzle.tryFor(REPORT_EVERY_MS, runtime.now);
  }
  self.postMessage({ number });
});
