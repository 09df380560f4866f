// The puzzle of a proof of work: a number such that SHA-256 of `challenge.number` begins with so many zero bits (Back,
// "Hashcash", 2002). Only chance finds one, in 2^bits tries on average.

import { INITIAL, absorb, compress, padded } from "./sha256.js";

/** One word of the hash is looked at. More bits would take a browser hours. */
const MOST_BITS = 32;
/** So many digits last for 2^33 tries. */
const FEWEST_DIGITS = 10;
/** The gateway takes no longer number. */
const MOST_DIGITS = 20;
const BLOCK = 64;
/** The least that the padding of a hashed text takes of its last block. */
const PADDING = 9;
/** Tries between two looks at the clock: less than a frame of the screen, on a slow phone too. */
const BATCH = 500;

export class Puzzle {
  #bits;
  #words;
  #firstDigit;
  #digits;
  #changing;
  #last;
  /** After the blocks without digits, and after all but the last block. */
  #common;
  #before;
  #hash = new Int32Array(8);
  #tries = 0;

  /** Whether this can be solved at all. A challenge is ASCII, since it travels in a header. */
  static isOne({ challenge, bits }) {
    const isToken = typeof challenge === "string" && /^[\x21-\x7e]+$/.test(challenge);
    return isToken && Number.isInteger(bits) && bits > 0 && bits <= MOST_BITS;
  }

  constructor({ challenge, bits }) {
    this.#bits = bits;
    this.#firstDigit = challenge.length + 1;
    this.#digits = new Uint8Array(digitsAfter(this.#firstDigit % BLOCK));
    this.#words = padded(new TextEncoder().encode(`${challenge}.${this.#number}`));
    this.#changing = Math.floor(this.#firstDigit / BLOCK);
    this.#last = this.#words.length / 16 - 1;
    this.#common = absorb(INITIAL, this.#words, 0, this.#changing);
    this.#before = absorb(this.#common, this.#words, this.#changing, this.#last);
  }

  /** The share of the tries that it takes on average; more than 1 where luck is bad. */
  get share() {
    return this.#tries / 2 ** this.#bits;
  }

  /** Tries one number after the other for so long. The number that solves it, as a text; null when none did so far. */
  tryFor(milliseconds, now) {
    const begun = now();
    do {
      for (let tries = 0; tries < BATCH; tries += 1) {
        if (this.#isSolved()) return this.#number;
        this.#advance();
      }
      // Either way: a clock that somebody sets back must not stop the page.
    } while (Math.abs(now() - begun) < milliseconds);
    return null;
  }

  get #number() {
    return this.#digits.join("");
  }

  #isSolved() {
    this.#tries += 1;
    compress(this.#before, this.#words, this.#last * 16, this.#hash);
    return Math.clz32(this.#hash[0]) >= this.#bits;
  }

  /** Counts up by one, digit by digit in the words that are hashed. */
  #advance() {
    let digit = this.#digits.length;
    let added;
    do {
      digit -= 1;
      added = this.#digits[digit] === 9 ? -9 : 1;
      this.#digits[digit] += added;
      const at = this.#firstDigit + digit;
      this.#words[at >> 2] += added << (24 - 8 * (at & 3));
    } while (added < 0 && digit > 0);
    const inLastBlock = this.#firstDigit + digit >= this.#last * BLOCK;
    if (!inLastBlock) this.#before = absorb(this.#common, this.#words, this.#changing, this.#last);
  }
}

/**
 * How many digits to use behind a text that fills so much of its block. With few of them all are in the last block, or
 * with many the last ones are alone in it: either way a try is one block, and the others are hashed when they change.
 */
function digitsAfter(filled) {
  return filled + FEWEST_DIGITS + PADDING <= BLOCK ? FEWEST_DIGITS : MOST_DIGITS;
}
