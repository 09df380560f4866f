// How far this visitor has come, kept for all tabs and reloads. The position shown only ever falls.

export class Progress {
  #key;
  #steps;

  constructor(queue) {
    this.#key = `waiting-room:${queue}:progress`;
    this.#steps = this.#stored();
  }

  /** Takes in a position; returns the lowest seen so far and the first one. */
  at(position) {
    const first = Math.max(this.#steps?.first ?? position, position);
    this.#steps = { first, position: Math.min(this.#steps?.position ?? position, position) };
    this.#keep();
    return this.#steps;
  }

  /** Another place begins. */
  forget() {
    this.#steps = null;
    this.#keep();
  }

  // Storage may be switched off or full. Progress then lasts as long as the page, which is no reason to fail.

  #stored() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null;
    }
  }

  #keep() {
    try {
      if (this.#steps) localStorage.setItem(this.#key, JSON.stringify(this.#steps));
      else localStorage.removeItem(this.#key);
    } catch {
      return;
    }
  }
}
