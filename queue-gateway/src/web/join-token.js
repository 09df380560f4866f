// The site's word for which of its members this is. The site sends them here with it in the fragment, which no server
// sees; the page takes it out of the address, where the next person at the machine would find it, and keeps it only in
// memory.

export class JoinToken {
  #value = null;

  /** The token; null where none was brought. */
  get value() {
    return this.#value;
  }

  /** Takes the token from the page's address, {hash, pathname, search}; `replace` puts another address in its place. */
  take({ hash, pathname, search }, replace) {
    const brought = new URLSearchParams(hash.slice(1)).get("join_token");
    if (brought === null) return false;
    this.#value = brought || null;
    replace(`${pathname}${search}`);
    return true;
  }

  /** It has done its work, or is of no use here. */
  drop() {
    this.#value = null;
  }
}
