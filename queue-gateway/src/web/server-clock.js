// The server's time: deadlines are its own, and the clocks of people's machines are wrong by minutes.

/** An instant of a document in milliseconds; null where there is none, or none that can be read. */
export function instantOf(text) {
  const instant = Date.parse(text ?? "");
  return Number.isNaN(instant) ? null : instant;
}

export class ServerClock {
  #now;
  /** The server's clock is ahead of ours by at least and at most so many milliseconds. */
  #ahead = null;

  /** `now` reads this machine's clock. */
  constructor(now) {
    this.#now = now;
  }

  /** The server's time in milliseconds, as far as its answers told; until the first one, this machine's. */
  now() {
    return this.#now() + (this.#ahead ? (this.#ahead.least + this.#ahead.most) / 2 : 0);
  }

  /**
   * Learns from an answer's `Date`, written between `sentAt` and now by this machine's clock. The header has whole
   * seconds, so each answer gives a range of about a second; what all ranges have in common is narrower.
   */
  learn(date, sentAt) {
    const second = Date.parse(date ?? "");
    if (!Number.isFinite(second)) return;
    const told = { least: second - this.#now(), most: second + 1000 - sentAt };
    const known = this.#ahead ?? told;
    const common = { least: Math.max(known.least, told.least), most: Math.min(known.most, told.most) };
    // Nothing in common: somebody set one of the clocks. The latest word counts.
    this.#ahead = common.least <= common.most ? common : told;
  }
}
