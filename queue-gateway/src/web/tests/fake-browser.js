// A browser for tests: streams, tabs and storage.

/** Streams as a browser opens them; `streams.last` is the newest. */
export class FakeStreams {
  opened = [];

  get last() {
    return this.opened.at(-1);
  }

  open = () => {
    const stream = new FakeStream();
    this.opened.push(stream);
    return stream;
  };
}

class FakeStream {
  #listeners = new Map();
  readyState = 1;

  addEventListener(type, listener) {
    this.#listeners.set(type, listener);
  }

  close() {
    this.readyState = 2;
    this.#listeners.clear();
  }

  /** The gateway says something. */
  says(type, content) {
    this.#listeners.get(type)?.({ data: typeof content === "string" ? content : JSON.stringify(content ?? {}) });
  }

  /** The connection breaks; the browser reconnects by itself unless it was `refused`. */
  breaks({ refused = false } = {}) {
    this.readyState = refused ? 2 : 0;
    this.#listeners.get("error")?.({});
  }
}

/** The tabs of one browser. */
export class FakeBrowser {
  #tabs = [];
  #entranceTaken = false;

  tab() {
    const tab = new FakeTab(this);
    this.#tabs.push(tab);
    return tab;
  }

  spread(from, word, content) {
    for (const tab of this.#tabs) if (tab !== from) tab.handlers?.onWord(word, structuredClone(content));
  }

  get leader() {
    return this.#tabs.find((tab) => tab.leading);
  }

  /** Closes a tab: it speaks and hears no more, and the way in is free. */
  close(index) {
    this.#tabs[index].handlers = null;
    this.#entranceTaken = false;
  }

  claim() {
    if (this.#entranceTaken) return null;
    this.#entranceTaken = true;
    return () => (this.#entranceTaken = false);
  }
}

class FakeTab {
  #browser;
  leading = false;
  handlers = null;

  constructor(browser) {
    this.#browser = browser;
  }

  begin(handlers) {
    this.handlers = handlers;
    if (this.#browser.leader) return;
    this.leading = true;
    handlers.onLead();
  }

  say(word, content) {
    this.#browser.spread(this, word, content);
  }

  alone = (step) => step();
  claimEntrance = async () => this.#browser.claim();
}

/** Storage as a browser has it. */
export function fakeStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}
