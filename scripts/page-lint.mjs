// The rules of the house for browser code: what people agree on and would otherwise have to look for in every review.
// Run by `make lint` with the folders to look through; prints every fault with its place.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const LONGEST_LINE = 120;
const LONGEST_MODULE = 400;

/** What no line may hold, and why; `except` names the modules whose business it is. */
const BANNED = [
  { pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/, except: ["runtime.js"], why: "time comes from the runtime" },
  { pattern: /\bMath\.random\b/, except: ["runtime.js"], why: "chance comes from the runtime" },
  { pattern: /\bset(Timeout|Interval)\b/, except: ["runtime.js"], why: "timers come from the runtime" },
  { pattern: /(?<![\w.#$])(document|window|navigator|location)\./, except: ["waiting-room.js"], why: "modules are handed the browser" },
  { pattern: /\b(inner|outer)HTML\b|insertAdjacentHTML|document\.write/, why: "text is set as text: HTML runs scripts" },
  { pattern: /\beval\(|\bnew Function\b|javascript:/, why: "nothing is run that is not a module of ours" },
  { pattern: /\bconsole\.|\balert\(|\bdebugger\b/, why: "left over from a search for a fault" },
  { pattern: /\bvar\b/, why: "const, or let where it changes" },
  { pattern: /[^=!]==[^=]|!=[^=]/, why: "=== and !== do not convert" },
  { pattern: /https?:\/\//, why: "a page of ours loads and calls nobody else" },
];

const UNFINISHED = /\bTODO\b|\bFIXME\b|\bXXX\b/;

/** The faults of one module, as `{line, fault}`. */
export function faultsOf(name, text) {
  const lines = text.split("\n");
  const faults = lines.flatMap((line, index) => faultsOfLine(name, line).map((fault) => ({ line: index + 1, fault })));
  const at = (line, fault) => faults.push({ line, fault });
  if (!lines[0].startsWith("// ") && !name.endsWith(".test.js")) at(1, "a module begins with a comment that says what it is for");
  if (!text.endsWith("\n") || text.endsWith("\n\n")) at(lines.length, "a file ends with one line break");
  if (lines.length > LONGEST_MODULE) at(LONGEST_MODULE, `a module of more than ${LONGEST_MODULE} lines holds two ideas`);
  lines.forEach((line, index) => {
    if (/^export (async )?function /.test(line) && !/\*\/$/.test(lines[index - 1] ?? "")) {
      at(index + 1, "an exported function says in a comment what it does");
    }
  });
  for (const { imported, line } of importsOf(text)) {
    const uses = text.match(new RegExp(`(?<![\\w$.])${imported}(?![\\w$])`, "g")).length;
    if (uses < 2) at(line, `${imported} is imported and not used`);
  }
  return faults;
}

function faultsOfLine(name, line) {
  const faults = [];
  if (line.length > LONGEST_LINE) faults.push(`longer than ${LONGEST_LINE} characters`);
  if (/\s$/.test(line)) faults.push("spaces at the end");
  if (line.includes("\t")) faults.push("a tab");
  if (UNFINISHED.test(line)) faults.push("what is not done does not land");
  const code = line.replace(/^\s*(\/\/|\/?\*).*$/, "").replace(/\s\/\/ .*$/, "");
  for (const { pattern, except = [], why } of BANNED) {
    if (pattern.test(code) && !except.includes(name)) faults.push(`${code.match(pattern)[0].trim()}: ${why}`);
  }
  return faults;
}

/** The names that a module imports, each with the line of its import. */
function importsOf(text) {
  return [...text.matchAll(/^import \{([^}]+)\} from /gm)].flatMap(({ 1: names, index }) => {
    const line = text.slice(0, index).split("\n").length;
    const imported = names.split(",").map((name) => name.trim()).filter(Boolean);
    return imported.map((name) => ({ imported: name.split(" as ").at(-1), line }));
  });
}

function check(folder) {
  let count = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".js")).sort()) {
    const path = join(folder, name);
    try {
      execFileSync(process.execPath, ["--check", path], { stdio: ["ignore", "ignore", "inherit"] });
    } catch {
      count += 1;
    }
    for (const { line, fault } of faultsOf(basename(name), readFileSync(path, "utf8"))) {
      console.error(`${path}:${line}: ${fault}`);
      count += 1;
    }
  }
  return count;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folders = process.argv.slice(2);
  const count = folders.reduce((sum, folder) => sum + check(folder), 0);
  if (folders.length === 0) console.error("name the folders to look through");
  process.exitCode = count > 0 || folders.length === 0 ? 1 : 0;
}
