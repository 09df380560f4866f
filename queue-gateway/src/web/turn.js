// This visitor's turn: one tab goes in, the others say so, and when the time is over all ask what has become of it.

import { Countdown } from "./countdown.js";
import { deadlineOf, pauseBeforeEntering } from "./next-step.js";
import { backOff } from "./pauses.js";
import { Refusal } from "./refusal.js";
import { Alarm } from "./runtime.js";
import { instantOf } from "./server-clock.js";

/** A deadline is shown to the millisecond, and the gateway's next step comes a moment later. */
const ASK_AFTER_MS = 1_000;

export class Turn {
  #parts;
  #nextTry;
  #countdown;
  #place = null;
  /**
   * planned: no tab has gone yet. going: this one goes in; late: and does not get through. elsewhere: another one goes.
   * open: nobody is taken in.
   */
  #way = "planned";
  #giveBack = null;
  #failures = 0;
  /** Names the present turn, so that late answers of an earlier one are dropped. */
  #round = 0;

  /**
   * `parts` is {gateway, view, tabs, clock, runtime, page, onEntered, onPlace}. `page` is {isHidden(), goTo(address)};
   * `onEntered()` is called when the gateway has recorded the arrival, `onPlace(place)` gets what it says when the
   * time is over.
   */
  constructor(parts) {
    this.#parts = parts;
    this.#nextTry = new Alarm(parts.runtime);
    this.#countdown = new Countdown({
      ...parts,
      onTick: () => this.#show(),
      onOver: () => this.#ask(),
      pause: () => ASK_AFTER_MS,
    });
  }

  /** It is this visitor's turn: whichever tab is to goes in. */
  enter(place) {
    // Another tab may have said that it goes in, and not have come there.
    if (place.arrive_before && !this.#isGoing) this.#way = "planned";
    this.#begin(place);
    this.#plan();
  }

  /** The turn goes on, and the visitor knows the way: nobody is taken in. */
  stand(place) {
    if (this.#way !== "elsewhere") this.#way = "open";
    this.#begin(place);
  }

  /** Another tab goes in. */
  goesElsewhere() {
    if (this.#isGoing) return;
    this.#way = "elsewhere";
    this.#nextTry.clear();
    if (this.#place) this.#show();
  }

  /** The page is seen again, or the network is back: timers may have slept. `restored` when it had been left before. */
  wake(restored) {
    if (!this.#place) return;
    if (restored || this.#countdown.left <= 0) {
      this.#ask();
    } else {
      this.#countdown.wake();
      this.#plan();
    }
  }

  /** The turn is over. */
  end() {
    this.#round += 1;
    this.#place = null;
    this.#way = "planned";
    this.#failures = 0;
    this.#nextTry.clear();
    this.#countdown.end();
    this.#giveBack?.();
    this.#giveBack = null;
  }

  #begin(place) {
    this.#place = place;
    this.#count();
  }

  /** Keeps the time that is left in sight, and asks when it is over; at once where no deadline is known. */
  #count() {
    this.#countdown.begin(instantOf(deadlineOf(this.#place)) ?? this.#parts.clock.now());
  }

  get #isGoing() {
    return this.#way === "going" || this.#way === "late";
  }

  #plan() {
    if (this.#way !== "planned") return;
    const { page, tabs } = this.#parts;
    const pause = pauseBeforeEntering({ hidden: page.isHidden(), leading: tabs.leading });
    if (pause === null) this.#nextTry.clear();
    else this.#nextTry.set(pause, () => this.#go());
  }

  async #go() {
    const round = this.#round;
    const giveBack = await this.#parts.tabs.claimEntrance();
    if (round !== this.#round || this.#way !== "planned") {
      giveBack?.();
    } else if (giveBack) {
      this.#giveBack = giveBack;
      this.#way = "going";
      this.#parts.tabs.say("entering");
      this.#knock();
    } else {
      this.goesElsewhere();
    }
  }

  /** Goes in as soon as the gateway says that the way leads on; a gateway that is away for a moment is asked again. */
  async #knock() {
    const { gateway, page, runtime, onEntered } = this.#parts;
    const round = this.#round;
    try {
      await gateway.knock();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (round !== this.#round) return;
      this.#failures += 1;
      this.#way = "late";
      this.#show();
      this.#nextTry.set(backOff(Math.min(this.#failures, 2), runtime.random), () => this.#knock());
      return;
    }
    if (round !== this.#round) return;
    onEntered();
    page.goTo(gateway.entrance);
  }

  #show() {
    const { gateway, view } = this.#parts;
    view.showAdmitted({ way: this.#way, left: this.#countdown.left }, gateway.entrance);
  }

  /** Used, kept for longer, or lost: only the gateway knows. */
  async #ask() {
    const { gateway, onPlace } = this.#parts;
    const round = this.#round;
    try {
      const { place } = await gateway.currentPlace();
      if (round === this.#round) onPlace(place);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (round !== this.#round) return;
      if (error.endsPlace) onPlace({ state: "left" });
      else this.#count();
    }
  }
}
