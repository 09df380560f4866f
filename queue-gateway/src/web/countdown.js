// Counts down to an instant, once a second, and takes a step when it is over.

import { backOff } from "./pauses.js";
import { Alarm } from "./runtime.js";

const SECOND_MS = 1_000;

export class Countdown {
  #clock;
  #runtime;
  #onTick;
  #onOver;
  #pause;
  #alarm;
  #instant = null;
  /** How often the step was taken in a row, and a countdown begun after it that was over already. */
  #late = 0;

  /**
   * The instant is one of `clock`, {now()}. `onTick(left)` gets the milliseconds that are left, at once, with every
   * second, and when none are; then `onOver()` is called, after `pause()` milliseconds.
   */
  constructor({ clock, runtime, onTick, onOver, pause = () => 0 }) {
    this.#clock = clock;
    this.#runtime = runtime;
    this.#onTick = onTick;
    this.#onOver = onOver;
    this.#pause = pause;
    this.#alarm = new Alarm(runtime);
  }

  /** What is counted down to; null while nothing is. */
  get instant() {
    return this.#instant;
  }

  /** The milliseconds that are left, negative once it is over; null while nothing is counted. */
  get left() {
    return this.#instant === null ? null : this.#instant - this.#clock.now();
  }

  /** Counts down to this instant, in milliseconds. Whatever was counted before is called off. */
  begin(instant) {
    this.#instant = instant;
    this.#tick();
  }

  /** Timers may have slept: what is left is looked at once more. */
  wake() {
    if (this.#instant === null) return;
    this.#late = 0;
    this.#tick();
  }

  /** Nothing is counted any more. */
  end() {
    this.#instant = null;
    this.#alarm.clear();
  }

  #tick() {
    const { left } = this;
    if (left > 0) {
      this.#late = 0;
      // Up to the next whole second: a timer that comes late must not move all that follow, nor a second be left out.
      this.#alarm.set(Math.ceil(left % SECOND_MS) || SECOND_MS, () => this.#tick());
    } else {
      // The same answer once more must not make us ask in a circle.
      this.#alarm.set(this.#late ? backOff(this.#late, this.#runtime.random) : this.#pause(), () => this.#onOver());
      this.#late += 1;
    }
    this.#onTick(left);
  }
}
