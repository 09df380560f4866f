// Computes what a gateway asks of newcomers in a rush, and lets the visitor see it.

import { Puzzle } from "./puzzle.js";
import { Alarm } from "./runtime.js";

/** A worker says something at once. Nothing by then: its script does not come, or the browser cannot run it. */
export const FIRST_WORD_WITHIN_MS = 10_000;
/** Less than a frame of the screen: without a worker the page has to draw and answer in between. */
const SLICE_MS = 12;
const BETWEEN_SLICES_MS = 1;

export class ProofOfWork {
  #view;
  #runtime;
  #openWorker;

  /** `openWorker()` opens `puzzle-worker.js`; it throws where the browser has no workers. */
  constructor({ view, runtime, openWorker }) {
    this.#view = view;
    this.#runtime = runtime;
    this.#openWorker = openWorker;
  }

  /**
   * The headers that the challenge of a refusal asks for; null where it cannot be met. Rejects with the reason of
   * `signal` as soon as that calls it off.
   */
  async prove({ challenge, bits }, signal) {
    if (!Puzzle.isOne({ challenge, bits })) return null;
    signal.throwIfAborted();
    this.#view.showComputing(0);
    const number = await this.#solve({ challenge, bits }, signal);
    this.#view.showJoining();
    return { "Proof-Of-Work": `${challenge}.${number}` };
  }

  async #solve(asked, signal) {
    try {
      return await this.#inWorker(asked, signal);
    } catch {
      signal.throwIfAborted();
      return this.#inSlices(asked, signal);
    }
  }

  #inWorker(asked, signal) {
    const worker = this.#openWorker();
    const firstWord = new Alarm(this.#runtime);
    const number = new Promise((resolve, reject) => {
      const fail = () => reject(new Error("the worker does not work"));
      signal.addEventListener("abort", fail);
      worker.addEventListener("error", fail);
      worker.addEventListener("message", ({ data }) => {
        firstWord.clear();
        if (data.number === undefined) this.#view.showComputing(data.share);
        else resolve(data.number);
      });
      firstWord.set(FIRST_WORD_WITHIN_MS, fail);
      worker.postMessage(asked);
    });
    return number.finally(() => {
      firstWord.clear();
      worker.terminate();
    });
  }

  #inSlices(asked, signal) {
    const puzzle = new Puzzle(asked);
    const next = new Alarm(this.#runtime);
    const number = new Promise((resolve, reject) => {
      const slice = () => {
        const found = puzzle.tryFor(SLICE_MS, this.#runtime.now);
        if (found !== null) {
          resolve(found);
          return;
        }
        this.#view.showComputing(puzzle.share);
        next.set(BETWEEN_SLICES_MS, slice);
      };
      signal.addEventListener("abort", () => reject(signal.reason));
      next.set(BETWEEN_SLICES_MS, slice);
    });
    return number.finally(() => next.clear());
  }
}
