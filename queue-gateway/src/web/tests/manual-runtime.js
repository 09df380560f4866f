// Time for tests.

/** Time that passes when the test says so. */
export class ManualRuntime {
  #now = Date.parse("2027-01-15T08:00:00Z");
  #timers = new Set();

  now = () => this.#now;

  /** In the middle: a drawn pause is three quarters of its ceiling. */
  random = () => 0.5;

  after = (milliseconds, step) => {
    const timer = { at: this.#now + milliseconds, step };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Time passes, and all timers sleep over it, as those of a hidden page do. */
  sleep(milliseconds) {
    this.#now += milliseconds;
    for (const timer of this.#timers) timer.at += milliseconds;
  }

  /** Lets time pass: what is due happens in order, each with all that follows from it at once. */
  async pass(milliseconds) {
    const until = this.#now + milliseconds;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until).sort((one, other) => one.at - other.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.step();
      await settled();
    }
    this.#now = until;
  }

  /** An instant as documents write it, so many seconds from now. */
  instant(seconds) {
    return new Date(this.#now + seconds * 1000).toISOString();
  }
}

/** All promises that can go on have gone on. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
