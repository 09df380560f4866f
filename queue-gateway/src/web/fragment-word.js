// A word that a visitor is sent here with, in the fragment, which no server sees: the site's for which of its members
// this is, or an invitation. The page takes it out of the address, where the next person at the machine would find it,
// and keeps it only in memory.

export class FragmentWord {
  #key;
  #value = null;

  /** `key` is what the fragment calls it. */
  constructor(key) {
    this.#key = key;
  }

  /** The word; null where none was brought. */
  get value() {
    return this.#value;
  }

  /** Takes the word from the page's address, {hash, pathname, search}; `replace` puts another address in its place. */
  take({ hash, pathname, search }, replace) {
    const words = new URLSearchParams(hash.slice(1));
    const brought = words.get(this.#key);
    if (brought === null) return false;
    this.#value = brought || null;
    words.delete(this.#key);
    const others = String(words);
    replace(`${pathname}${search}${others && `#${others}`}`);
    return true;
  }

  /** This word has done its work, or is of no use here; another may have been brought meanwhile. */
  drop(word = this.#value) {
    if (word === this.#value) this.#value = null;
  }
}
