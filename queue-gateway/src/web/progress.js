// How far this visitor has come, kept for all tabs and reloads. The position shown only ever falls.

export class Progress {
  #storage;
  #key;
  #steps;

  /** `storage` gives the browser's storage, and may throw where that is switched off. */
  constructor(queue, storage) {
    this.#storage = storage;
    this.#key = `waiting-room:${queue}:progress`;
    this.#steps = this.#stored();
  }

  /** Whether this browser had a place when it last looked. */
  get known() {
    return this.#steps !== null;
  }

  /** Whether this visitor was told of an admission and has not gone in since. */
  get called() {
    return this.#steps?.called === true;
  }

  /** Takes in a position; returns the lowest seen so far and the first one. */
  at(position) {
    const first = Math.max(this.#steps?.first ?? position, position);
    this.#steps = { ...this.#steps, first, position: Math.min(this.#steps?.position ?? position, position) };
    this.#keep();
    return { first: this.#steps.first, position: this.#steps.position };
  }

  /** There is a place, and its position is yet to be drawn: whatever was shown before says nothing about it. */
  awaitDraw() {
    this.#steps = {};
    this.#keep();
  }

  /** The visitor is called. Should they miss it they stand in the line again, and positions begin anew. */
  call() {
    this.#steps = { called: true };
    this.#keep();
  }

  /** Another place begins. */
  forget() {
    this.#steps = null;
    this.#keep();
  }

  // Storage may be switched off or full. Progress then lasts as long as the page, which is no reason to fail.

  #stored() {
    try {
      const steps = JSON.parse(this.#storage().getItem(this.#key));
      return typeof steps === "object" ? steps : null;
    } catch {
      return null;
    }
  }

  #keep() {
    try {
      if (this.#steps) this.#storage().setItem(this.#key, JSON.stringify(this.#steps));
      else this.#storage().removeItem(this.#key);
    } catch {
      return;
    }
  }
}
