// Before joins are taken: counts down to the time, and looks now and then whether the operator has changed it.

import { Countdown } from "./countdown.js";
import { takesJoins } from "./next-step.js";
import { jittered, withinASecond } from "./pauses.js";
import { Alarm } from "./runtime.js";
import { instantOf } from "./server-clock.js";

/** The operator may open earlier, or later. */
export const LOOK_EVERY_MS = 60_000;

export class BeforeJoins {
  #view;
  #runtime;
  #askQueue;
  #isInvited;
  #onJoins;
  #countdown;
  #nextLook;
  #opensAt = null;
  #opening = null;
  #isWaiting = false;
  #hasLooked = false;
  /** Names the present wait, so that a late answer to an earlier one is dropped. */
  #round = 0;

  /**
   * `askQueue()` gives the queue's public state, or null where it cannot be had. `isInvited()` says whether the times
   * of the priority lane count. `onJoins()` is called when joins are taken, as far as we can tell.
   */
  constructor({ view, clock, runtime, askQueue, isInvited, onJoins }) {
    this.#view = view;
    this.#runtime = runtime;
    this.#askQueue = askQueue;
    this.#isInvited = isInvited;
    this.#onJoins = onJoins;
    this.#nextLook = new Alarm(runtime);
    this.#countdown = new Countdown({
      clock,
      runtime,
      onTick: () => this.#show(),
      onOver: onJoins,
      // All who wait see the same instant come: they must not join in the same millisecond.
      pause: () => withinASecond(runtime.random),
    });
  }

  /**
   * The gateway takes no joins yet: `times` is {joins_from, opens_at, opening}. They say better than the refusal's
   * `Retry-After` when to come again.
   */
  begin(times) {
    this.#isWaiting = true;
    this.#count(times);
    // The refusal does not tell the queue's title, for which many would wait a minute.
    if (this.#hasLooked) this.#lookLater();
    else this.#look();
  }

  /** The page is seen again, or the network is back. */
  wake() {
    if (!this.#isWaiting) return;
    this.#countdown.wake();
    this.#look();
  }

  /** Nobody waits for this any more. */
  end() {
    this.#isWaiting = false;
    this.#round += 1;
    this.#countdown.end();
    this.#nextLook.clear();
  }

  #count({ joins_from: joinsFrom, opens_at: opensAt, opening, message }) {
    const instant = instantOf(joinsFrom);
    this.#opensAt = instantOf(opensAt);
    this.#opening = opening ?? null;
    // The refusal of a join does not say it, the queue's public state does.
    if (message !== undefined) this.#view.showMessage(message);
    if (instant === null) this.#countdown.end();
    // The same time once more is no news: the join that is due must not be put off by it.
    else if (instant !== this.#countdown.instant) this.#countdown.begin(instant);
    this.#show();
  }

  #show() {
    const { instant, left } = this.#countdown;
    this.#view.showBeforeJoins({ joinsFrom: instant, opensAt: this.#opensAt, left, opening: this.#opening });
  }

  #lookLater() {
    this.#nextLook.set(jittered(LOOK_EVERY_MS, this.#runtime.random), () => this.#look());
  }

  async #look() {
    const round = this.#round;
    this.#hasLooked = true;
    this.#lookLater();
    const queue = await this.#askQueue();
    if (round !== this.#round || !queue) return;
    if (takesJoins(queue.state)) this.#onJoins();
    else this.#count(this.#isInvited() ? { ...queue, opening: "fifo", ...queue.invitations } : queue);
  }
}
