// The way to a place: asked for until there is one, or a refusal that stays.

import { BeforeJoins } from "./before-joins.js";
import { Countdown } from "./countdown.js";
import { joinsAnew } from "./next-step.js";
import { backOff } from "./pauses.js";
import { Refusal } from "./refusal.js";
import { refusalInWords } from "./sentences.js";

/** So often in a row a gateway may ask for something. More often, and what we bring is not what it wants. */
export const MOST_PROOFS = 3;

export class Joining {
  #gateway;
  #view;
  #tabs;
  #runtime;
  #onPlace;
  #proofs;
  #nextTry;
  #beforeJoins;
  #known = false;
  #refusal = null;
  #failures = 0;
  #attempt = new AbortController();
  /** Brought until there is a place: what took long to compute must not be lost to an outage of a second. */
  #proof;
  /** Where the site is, by the last place: for a refusal that does not say it. */
  #site = null;

  /**
   * `onPlace(place, fresh)` gets the place; `clock` and `askQueue` are as `BeforeJoins` takes them. `proofs` answer a
   * gateway that asks for something before it gives a place: by the code of its refusal, a function from the refusal's
   * document, and a signal that calls it off, to the headers of the next join; null where there is no answer.
   */
  constructor({ gateway, view, tabs, clock, runtime, askQueue, onPlace, proofs = {} }) {
    this.#gateway = gateway;
    this.#view = view;
    this.#tabs = tabs;
    this.#runtime = runtime;
    this.#onPlace = onPlace;
    this.#proofs = proofs;
    const tryAgain = () => this.begin(this.#known);
    this.#nextTry = new Countdown({
      // A pause of our own: whatever the server's time, it lasts as long.
      clock: runtime,
      runtime,
      onTick: (left) => this.#showNextTry(left),
      onOver: tryAgain,
    });
    const isInvited = () => gateway.bringsInvitation;
    this.#beforeJoins = new BeforeJoins({ view, clock, runtime, askQueue, isInvited, onJoins: tryAgain });
  }

  /** Gets a place; where one was `known` before, asks for that first. */
  async begin(known) {
    this.end();
    this.#known = known;
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    try {
      const { place, fresh } = await this.#takePlace(known, signal);
      this.#failures = 0;
      this.#proof = undefined;
      this.#site = place.redirect_to ?? null;
      this.#onPlace(place, fresh);
    } catch (error) {
      if (signal.aborted && error === signal.reason) return;
      if (!(error instanceof Refusal)) throw error;
      if (!signal.aborted) this.#refused(error);
    }
  }

  /** Another tab has a place for all, or the page is left: no further try. */
  end() {
    this.#attempt.abort();
    this.#nextTry.end();
    this.#beforeJoins.end();
  }

  /** The page is seen again, or the network is back: timers may have slept. */
  wake() {
    this.#nextTry.wake();
    this.#beforeJoins.wake();
  }

  async #takePlace(known, signal) {
    for (let proofs = 0; ; proofs += 1) {
      try {
        // Two tabs restored together must not take two places: the second finds the first one's cookie.
        return await this.#tabs.alone(() => this.#place(known));
      } catch (error) {
        // Not alone: a tab that computes, or sleeps over it, must not keep the others from a place.
        const proof = proofs < MOST_PROOFS ? await this.#proofAfter(error, signal) : null;
        if (!proof) throw error;
        this.#proof = proof;
      }
    }
  }

  /** What a refusal asks for; null where it asks for nothing that we can bring. */
  async #proofAfter(error, signal) {
    if (!(error instanceof Refusal) || !Object.hasOwn(this.#proofs, error.code)) return null;
    return this.#proofs[error.code](error.problem, signal);
  }

  async #place(known) {
    // Whoever the site has just sent may be another than whose place this browser kept, and an invitation gives a
    // better one.
    const brings = this.#gateway.bringsMember || this.#gateway.bringsInvitation;
    const before = known && !brings ? await this.#before() : null;
    if (before && !joinsAnew(before)) return { place: before, fresh: false };
    return this.#gateway.join(this.#proof);
  }

  /** The place that this browser had; null when it cannot prove one. */
  async #before() {
    try {
      return (await this.#gateway.currentPlace()).place;
    } catch (error) {
      if (error instanceof Refusal && error.endsPlace) return null;
      throw error;
    }
  }

  #refused(refusal) {
    this.#view.showConnection("idle");
    if (refusal.endsInvitation) {
      // Whoever tries again joins as everybody does; and whoever had a place must not lose it over an invitation.
      this.#gateway.dropInvitation();
      if (this.#known) {
        this.#view.showNotice(refusalInWords(refusal));
        this.begin(true);
        return;
      }
    }
    if (refusal.comesTooEarly) {
      this.#failures = 0;
      this.#beforeJoins.begin(refusal.problem);
    } else if (refusal.passes) {
      this.#tryLater(refusal);
    } else {
      this.#view.showTrouble(refusal, undefined, refusal.problem.redirect_to ?? this.#site);
    }
  }

  #tryLater(refusal) {
    this.#refusal = refusal;
    this.#failures += 1;
    const pause = Math.max(backOff(this.#failures, this.#runtime.random), (refusal.retryAfterSeconds ?? 0) * 1000);
    this.#nextTry.begin(this.#runtime.now() + pause);
  }

  #showNextTry(left) {
    this.#view.showTrouble(this.#refusal, Math.max(1, Math.ceil(left / 1000)));
  }
}
