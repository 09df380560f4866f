// Draws what is known. Holds no knowledge of its own but what was announced last.

import { behindInWords, count, timeLeft, waitInWords } from "./words.js";

const TICKS = 60;
/** A voice that speaks at every step of the line drowns everything else on the machine. */
const ANNOUNCE_EVERY_MS = 30_000;

const CONNECTIONS = {
  connecting: "Connecting",
  live: "Live",
  polling: "Live, every few seconds",
  waiting: "Reconnecting",
  idle: "",
};

const element = (id) => document.getElementById(id);

/** Puts the queue's name where it is shown. */
export function showQueue(name) {
  element("queue-name").textContent = name;
}

/** How we hear of the line, in a corner. */
export function showConnection(connection) {
  element("connection").dataset.connection = connection;
  element("connection-text").textContent = CONNECTIONS[connection];
}

/** No place yet. */
export function showJoining() {
  frame("joining", "Taking your place in the line", "One moment.");
}

/** A place in the line. `line` is {position, first, behind, wait, paused}. */
export function showWaiting(line) {
  const title = line.paused ? "The line is paused" : line.position === 1 ? "You are next" : "You are in the line";
  const lead = line.paused ? "Nobody is let in at the moment. Your place is kept." : "We take you to the tickets when it is your turn.";
  frame("waiting", title, lead);
  element("position").textContent = count(line.position);
  element("behind").textContent = behindInWords(line.behind);
  element("wait").textContent = line.paused ? "paused" : waitInWords(line.wait);
  showProgress(line);
  document.title = `${count(line.position)} \u00b7 ${line.paused ? "Paused" : "Waiting room"}`;
  const wait = line.paused ? "The line is paused." : `Expected wait: ${waitInWords(line.wait)}.`;
  announce(`Your place is ${count(line.position)}. ${wait}`, line.paused ? "paused" : "waiting");
}

/** The visitor's turn. `address` is null when nothing is known of where the tickets are. */
export function showAdmitted(address, claimBefore) {
  const lead = address ? "We are taking you to the tickets now." : "You may open the ticket page now.";
  frame("admitted", "It is your turn", `${lead}${deadline(claimBefore)}`);
  const link = element("enter");
  link.hidden = !address;
  if (address) link.href = address;
  document.title = "It is your turn";
  announce(`It is your turn. ${lead}`, "admitted");
}

/** No place any more. `byChoice` when the visitor left himself. */
export function showLeft(byChoice) {
  const title = byChoice ? "You have left the line" : "You are no longer in the line";
  const lead = byChoice
    ? "Your place has gone to the next person."
    : "Your turn was used, has passed, or the waiting room has closed for you.";
  frame("left", title, lead);
  element("join-again").hidden = false;
  document.title = title;
  announce(title, "left");
}

/** A refusal. With `seconds`, the next try follows by itself in so many. */
export function showTrouble(sentence, seconds) {
  const passes = seconds !== undefined;
  const next = passes ? ` The next try follows in ${seconds}\u00a0s.` : "";
  frame("trouble", passes ? "One moment, please" : "The waiting room did not open", `${sentence}${next}`);
  element("try-again").hidden = false;
  document.title = "Waiting room";
  announce(sentence, sentence);
}

/** The operator's sentence; nothing when there is none. */
export function showMessage(message) {
  const place = element("message");
  if (place.textContent === (message ?? "")) return;
  place.textContent = message ?? "";
  place.hidden = !message;
  if (message) announce(message, message);
}

/** Asks whether the visitor means it. */
export function confirmLeaving() {
  const dialog = element("leave-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "leave"), { once: true });
  });
}

/** Moves the focus to the headline, for after the button that had it is gone. */
export function focusHeadline() {
  element("state").focus();
}

function frame(view, title, lead) {
  element("room").dataset.view = view;
  setText("state", title);
  setText("lead", lead);
  element("waiting").hidden = view !== "waiting";
  element("footing").hidden = view !== "waiting";
  for (const id of ["enter", "join-again", "try-again"]) element(id).hidden = true;
}

/** Writing the same text again would make some screen readers speak it again. */
function setText(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function deadline(claimBefore) {
  return claimBefore && Date.parse(claimBefore) > Date.now() ? ` Your turn is kept for ${timeLeft(claimBefore)}.` : "";
}

function showProgress({ position, first }) {
  const done = first > 0 ? (first - position) / first : 0;
  const ruler = element("progress");
  if (!ruler.firstChild) ruler.append(...Array.from({ length: TICKS }, () => document.createElement("i")));
  const reached = Math.min(TICKS - 1, Math.floor(done * TICKS));
  [...ruler.children].forEach((tick, index) => {
    tick.className = index < reached ? "passed" : index === reached ? "here" : "";
  });
  ruler.setAttribute("aria-valuenow", String(Math.round(done * 100)));
  ruler.setAttribute("aria-valuetext", `place ${count(position)}, started at ${count(first)}`);
  element("progress-start").textContent = `Started at ${count(first)}`;
}

let lastTopic = "";
let lastSpokenAt = 0;

/** Speaks at once when the topic changes, else only now and then. */
function announce(text, topic) {
  const now = Date.now();
  if (topic === lastTopic && now - lastSpokenAt < ANNOUNCE_EVERY_MS) return;
  lastTopic = topic;
  lastSpokenAt = now;
  element("announcements").textContent = text;
}
