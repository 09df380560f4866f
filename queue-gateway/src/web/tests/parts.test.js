import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const parts = readdirSync(new URL("..", import.meta.url)).filter((name) => /\.(js|css)$/.test(name));

test("the program serves every part of the page", () => {
  const program = read("../../http/page.rs");
  assert.ok(parts.length > 10);
  for (const part of parts) assert.ok(program.includes(`("${part}", include_str!("../web/${part}"))`), part);
});

test("the page names every part at once: found one after another, they would take a round trip each", () => {
  const html = read("../waiting-room.html");
  for (const part of parts) assert.ok(html.includes(`"/waiting-room/assets/${part}"`), part);
});
