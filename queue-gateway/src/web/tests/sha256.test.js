import assert from "node:assert/strict";
import { createHash, randomBytes, randomInt } from "node:crypto";
import { test } from "node:test";

import { INITIAL, absorb, padded } from "../sha256.js";

const bytes = (text) => new TextEncoder().encode(text);
const hex = (state) => [...state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
const sha256 = (message) => hex(absorb(INITIAL, padded(message)));

test("the examples of NIST for FIPS 180-4 come out", () => {
  const examples = [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
    [
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ],
    ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
  ];
  for (const [text, hash] of examples) assert.equal(sha256(bytes(text)), hash, text.slice(0, 60));
});

test("every length up to three blocks, and random bytes, hash as Node's own", () => {
  const messages = Array.from({ length: 193 }, (_, length) => randomBytes(length));
  for (let more = 0; more < 200; more += 1) messages.push(randomBytes(randomInt(5_000)));
  for (const message of messages) {
    assert.equal(sha256(message), createHash("sha256").update(message).digest("hex"), message.toString("hex"));
  }
});

test("a message in two parts hashes as in one, and the state between them stays as it is", () => {
  const words = padded(randomBytes(300));
  const between = absorb(INITIAL, words, 0, 3);
  const kept = hex(between);
  assert.equal(hex(absorb(between, words, 3)), hex(absorb(INITIAL, words)));
  assert.equal(hex(between), kept);
  assert.equal(hex(absorb(INITIAL, words, 2, 2)), hex(INITIAL), "no block at all");
});
