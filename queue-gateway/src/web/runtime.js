// Time and chance as the browser has them. Everything else is handed these, so that tests bring their own.

export const runtime = {
  /** The machine's clock. People's machines are wrong by minutes: deadlines go by `ServerClock`. */
  now: () => Date.now(),

  /** At least 0, less than 1. */
  random: () => Math.random(),

  /** Takes a step so many milliseconds from now; returns what calls it off. */
  after(milliseconds, step) {
    const timer = setTimeout(step, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** One step to come at a time: each replaces what was waited for before. */
export class Alarm {
  #runtime;
  #callOff = null;

  constructor(runtime) {
    this.#runtime = runtime;
  }

  set(milliseconds, step) {
    this.clear();
    this.#callOff = this.#runtime.after(milliseconds, step);
  }

  clear() {
    this.#callOff?.();
    this.#callOff = null;
  }
}
