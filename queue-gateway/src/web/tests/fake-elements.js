// A document for tests of what is drawn.

/** Has every element that it is asked for. `history` of an element are the texts that it had, each once in a row. */
export class FakeDocument {
  #elements = new Map();
  title = "";

  getElementById(id) {
    if (!this.#elements.has(id)) this.#elements.set(id, new FakeElement());
    return this.#elements.get(id);
  }

  createElement() {
    return new FakeElement();
  }
}

class FakeElement {
  #attributes = new Map();
  #text = "";
  history = [];
  children = [];
  dataset = {};
  hidden = false;

  get textContent() {
    return this.#text;
  }

  set textContent(text) {
    this.#text = text;
    this.history.push(text);
  }

  get firstChild() {
    return this.children[0] ?? null;
  }

  append(...children) {
    this.children.push(...children);
  }

  setAttribute(name, value) {
    this.#attributes.set(name, value);
  }

  getAttribute(name) {
    return this.#attributes.get(name) ?? null;
  }
}
