// One stream per browser, however many tabs: the tab that holds the lock leads and tells the others what it hears.

const LOOK_EVERY_MS = 5_000;
/** A leader pings or reports its attempts more often than this; a suspended one does not. */
const SILENT_LEADER_MS = 75_000;

export class Tabs {
  #name;
  #handlers;
  #channel = null;
  #heardAt = Date.now();
  #leading = false;

  /** `onLead` and `onFollow` say what this tab is from now on, `onWord(word, content)` what another tab says. */
  constructor(name, handlers) {
    this.#name = name;
    this.#handlers = handlers;
    if (!("BroadcastChannel" in window) || !navigator.locks) return;
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
  }

  get leading() {
    return this.#leading;
  }

  /** Begins to take part. Where the browser cannot share, every tab leads itself. */
  enter() {
    if (!this.#channel) {
      this.#lead();
      return;
    }
    this.#campaign(false);
    setInterval(() => this.#watchLeader(), LOOK_EVERY_MS);
  }

  /** Tells all other tabs. */
  say(word, content) {
    this.#channel?.postMessage({ word, content });
  }

  async #campaign(steal) {
    try {
      // Held until the tab goes away or the lock is taken over: the promise is never fulfilled.
      await navigator.locks.request(this.#name, { steal }, () => {
        this.#lead();
        return new Promise(() => {});
      });
    } catch {
      // Another tab found us silent and took over; stand in line for the day it goes.
      this.#leading = false;
      this.#heardAt = Date.now();
      this.#handlers.onFollow();
      this.#campaign(false);
    }
  }

  #lead() {
    this.#leading = true;
    this.#handlers.onLead();
  }

  #hear({ word, content }) {
    this.#heardAt = Date.now();
    this.#handlers.onWord(word, content);
  }

  /** Browsers suspend tabs that nobody looks at, and a suspended leader keeps its lock. */
  #watchLeader() {
    const silent = Date.now() - this.#heardAt > SILENT_LEADER_MS;
    if (this.#leading || !silent || document.hidden) return;
    this.#heardAt = Date.now();
    this.#campaign(true);
  }
}
