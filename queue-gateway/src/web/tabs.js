// One stream per browser, however many tabs: the tab that holds the lock leads and tells the others what it hears.

const LOOK_EVERY_MS = 5_000;
/** A leader pings or reports its attempts more often than this; a suspended one does not. */
export const SILENT_LEADER_MS = 75_000;

export class Tabs {
  #name;
  #locks;
  #channel;
  #runtime;
  #isHidden;
  #handlers = null;
  #heardAt = 0;
  #leading = false;

  /**
   * `locks` are the browser's, `channel` reaches the other tabs; each is null where the browser has none: pages that
   * are not served over https have no locks.
   */
  constructor({ name, locks, channel, runtime, isHidden }) {
    this.#name = name;
    this.#locks = locks;
    this.#channel = channel;
    this.#runtime = runtime;
    this.#isHidden = isHidden;
  }

  get leading() {
    return this.#leading;
  }

  /**
   * Begins to take part. `onLead` and `onFollow` say what this tab is from now on, `onWord(word, content)` what another
   * tab says. Where the browser cannot share, every tab leads itself.
   */
  begin(handlers) {
    this.#handlers = handlers;
    this.#heardAt = this.#runtime.now();
    this.#channel?.addEventListener("message", ({ data }) => this.#hear(data));
    if (!this.#locks || !this.#channel) {
      this.#lead();
      return;
    }
    this.#campaign(false);
    this.#watchLeader();
  }

  /** Tells all other tabs. */
  say(word, content) {
    this.#channel?.postMessage({ word, content });
  }

  /** Does a step that no other tab is doing meanwhile. */
  alone(step) {
    return this.#locks ? this.#locks.request(`${this.#name}:alone`, step) : step();
  }

  /**
   * Claims the way in, of which one tab makes use. Resolves with what gives the claim back, or with null when another
   * tab has it.
   */
  claimEntrance() {
    if (!this.#locks) return Promise.resolve(() => {});
    return new Promise((resolve, reject) => {
      const held = (lock) => lock && new Promise((release) => resolve(release));
      this.#locks.request(`${this.#name}:entrance`, { ifAvailable: true }, held).then(() => resolve(null), reject);
    });
  }

  async #campaign(steal) {
    let led = false;
    try {
      // Held until the tab goes away or the lock is taken over: the promise is never fulfilled.
      await this.#locks.request(this.#name, { steal }, () => {
        led = true;
        this.#lead();
        return new Promise(() => {});
      });
    } catch {
      // A browser that gives no lock at all would be asked for ever.
      if (!led) {
        this.#lead();
        return;
      }
      // Another tab found us silent and took over; stand in line for the day it goes.
      this.#leading = false;
      this.#heardAt = this.#runtime.now();
      this.#handlers.onFollow();
      this.#campaign(false);
    }
  }

  #lead() {
    this.#leading = true;
    this.#handlers.onLead();
  }

  #hear({ word, content }) {
    this.#heardAt = this.#runtime.now();
    this.#handlers.onWord(word, content);
  }

  /** Browsers suspend tabs that nobody looks at, and a suspended leader keeps its lock. */
  #watchLeader() {
    this.#runtime.after(LOOK_EVERY_MS, () => {
      const silent = this.#runtime.now() - this.#heardAt > SILENT_LEADER_MS;
      if (!this.#leading && silent && !this.#isHidden()) {
        this.#heardAt = this.#runtime.now();
        this.#campaign(true);
      }
      this.#watchLeader();
    });
  }
}
