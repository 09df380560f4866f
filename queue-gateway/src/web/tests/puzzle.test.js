import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { Puzzle } from "../puzzle.js";

/** A challenge of a length, as a token looks. */
const challengeOf = (length) => randomBytes(length).toString("base64url").slice(0, length);

const untilSolved = (puzzle) => puzzle.tryFor(Infinity, () => 0);

/** Leading zero bits by Node's own hash. */
function zeroBits(text) {
  const hash = createHash("sha256").update(text).digest();
  return Array.from(hash, (byte) => byte.toString(2).padStart(8, "0")).join("").indexOf("1");
}

test("a number solves its challenge, wherever in a block its digits stand", () => {
  for (let length = 180; length < 180 + 2 * 64; length += 1) {
    const challenge = challengeOf(length);
    const number = untilSolved(new Puzzle({ challenge, bits: 11 }));
    assert.match(number, /^[0-9]{1,20}$/);
    assert.ok(zeroBits(`${challenge}.${number}`) >= 11, `${challenge}.${number}`);
  }
});

test("the first number that solves it is found, so none was left out", () => {
  for (const length of [200, 237, 238, 247, 255]) {
    const challenge = challengeOf(length);
    const number = untilSolved(new Puzzle({ challenge, bits: 12 }));
    for (let before = 0n; before < BigInt(number); before += 1n) {
      const text = `${challenge}.${String(before).padStart(number.length, "0")}`;
      assert.ok(zeroBits(text) < 12, `${text} comes before ${number}`);
    }
  }
});

test("the share of the usual work grows with each try, and passes 1 where luck is bad", () => {
  const puzzle = new Puzzle({ challenge: challengeOf(250), bits: 32 });
  let time = 0;
  assert.equal(puzzle.share, 0);
  assert.equal(puzzle.tryFor(3, () => time++), null);
  const tries = puzzle.share * 2 ** 32;
  assert.ok(Number.isInteger(tries) && tries > 0);
  puzzle.tryFor(3, () => time++);
  assert.equal(puzzle.share * 2 ** 32, 2 * tries);
  const shares = Array.from({ length: 200 }, () => {
    const easy = new Puzzle({ challenge: challengeOf(250), bits: 8 });
    untilSolved(easy);
    return easy.share;
  });
  const mean = shares.reduce((sum, share) => sum + share) / shares.length;
  // Its deviation is a fourteenth: outside of this once in far more runs than there will be.
  assert.ok(mean > 0.5 && mean < 1.6, String(mean));
  assert.ok(Math.max(...shares) > 1);
});

test("a slice ends when its time is over, also when the clock is set back meanwhile", () => {
  const puzzle = new Puzzle({ challenge: challengeOf(250), bits: 32 });
  let looks = 0;
  const setBack = () => (looks++ === 0 ? 3_600_000 : 0);
  assert.equal(puzzle.tryFor(12, setBack), null);
  assert.equal(looks, 2);
});

test("what no browser can solve is no puzzle", () => {
  const challenge = challengeOf(250);
  for (const bits of [1, 8, 26, 32]) assert.ok(Puzzle.isOne({ challenge, bits }), String(bits));
  for (const bits of [0, -1, 33, 8.5, "18", null, undefined]) {
    assert.ok(!Puzzle.isOne({ challenge, bits }), String(bits));
  }
  for (const odd of ["", "two words", "\u00fc", 7, null, undefined]) {
    assert.ok(!Puzzle.isOne({ challenge: odd, bits: 18 }), String(odd));
  }
});
