// When the page speaks to those who hear it instead of seeing it.

/** A voice that speaks at every step of the line drowns everything else on the machine. */
const REPEAT_AFTER_MS = 30_000;

export class Announcements {
  #now;
  #say;
  #topic = null;
  #step = null;
  #spokenAt = 0;

  /** `say` speaks a text. */
  constructor(now, say) {
    this.#now = now;
    this.#say = say;
  }

  /** Speaks at once when the topic is another than before, else only now and then. */
  announce(text, topic = text) {
    const now = this.#now();
    if (topic === this.#topic && now - this.#spokenAt < REPEAT_AFTER_MS) return;
    this.#topic = topic;
    this.#spokenAt = now;
    this.#say(text);
  }

  /** Speaks of a countdown: the whole text when the topic is another than before, then each step of it, once. */
  announceStep(step, topic, whole) {
    const isKnown = topic === this.#topic;
    if (isKnown && step === this.#step) return;
    this.#step = step;
    this.#topic = topic;
    this.#spokenAt = this.#now();
    this.#say(isKnown ? step : whole);
  }

  /** Whatever comes next is spoken of, also if it is what was said last: somebody has asked. */
  clear() {
    this.#topic = null;
    this.#say("");
  }

  /** Speaks of something besides the topic, which need not be said again because of it. */
  interject(text) {
    this.#spokenAt = this.#now();
    this.#say(text);
  }
}
