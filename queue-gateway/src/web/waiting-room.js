// The waiting-room page: joins, follows the line, and goes to the tickets when it is this visitor's turn.

import { currentPlace, join, leave, publicState, Refusal } from "./gateway.js";
import { Progress } from "./progress.js";
import { backOff, LiveLine } from "./stream.js";
import { Tabs } from "./tabs.js";
import * as view from "./view.js";
import { queueInWords } from "./words.js";

/** Long enough to read that it is one's turn. */
const READ_FIRST_MS = 1_200;

const queue = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const progress = new Progress(queue);
const live = new LiveLine(queue, (type, content) => hear(type, content), showConnection);
const tabs = new Tabs(`waiting-room:${queue}`, {
  onLead: () => mode === "waiting" && live.start(),
  onFollow: () => live.stop(),
  onWord: hearTab,
});

/** joining, waiting, admitted, left: the one thing that decides which of the steps below still apply. */
let mode = "joining";
let paused = false;
let latest = null;
let lastConnection = "connecting";
let timer = 0;
let joinFailures = 0;

async function takePlace() {
  clearTimeout(timer);
  mode = "joining";
  try {
    // Two tabs restored together must not take two places: the second finds the first one's cookie.
    const { place, fresh } = await alone(`joining:${queue}`, () => join(queue));
    joinFailures = 0;
    if (fresh) progress.forget();
    if (fresh) tabs.say("joined", place);
    take(place);
    learnQueue();
    if (mode === "waiting" && tabs.leading) live.start();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    tryLater(error);
  }
}

function alone(name, step) {
  return navigator.locks ? navigator.locks.request(name, step) : step();
}

function tryLater(refusal) {
  view.showConnection("idle");
  if (!refusal.passes) {
    view.showTrouble(refusal.message);
    return;
  }
  joinFailures += 1;
  const pause = Math.max(backOff(joinFailures) / 1000, refusal.retryAfterSeconds ?? 0);
  countDown(refusal, Math.ceil(pause));
}

function countDown(refusal, seconds) {
  if (seconds <= 0) {
    takePlace();
    return;
  }
  view.showTrouble(refusal.message, seconds);
  timer = setTimeout(() => countDown(refusal, seconds - 1), 1000);
}

/** A place does not say whether the line stands still. Streams do when it changes, the public state at any time. */
async function learnQueue() {
  try {
    const { title, state } = await publicState(queue);
    if (title) view.showQueue(title);
    const known = state === "paused" ? "paused" : "resumed";
    if (mode === "waiting" && (known === "paused") !== paused) hear(known, {});
  } catch (error) {
    // Only an explanation is missing; the line itself is followed elsewhere.
    if (!(error instanceof Refusal)) throw error;
  }
}

function showConnection(connection) {
  if (mode !== "waiting") return;
  view.showConnection(connection);
  tabs.say("connection", connection);
  // What was said while we were away is lost, and polling never hears of it.
  const missed = connection === "polling" || (connection === "live" && lastConnection !== "live");
  lastConnection = connection;
  if (missed && (paused || !latest?.wait_seconds)) learnQueue();
}

/** One thing the gateway said, heard by this tab or told by the leading one. */
function hear(type, content, fromTab = false) {
  if (!fromTab) tabs.say("event", { type, content });
  if (mode !== "waiting") return;
  if (type === "paused") paused = true;
  if (type === "resumed") paused = false;
  // These three concern the queue as a whole, and each says all of it.
  if ("message" in content) view.showMessage(content.message);
  if (content.state) take(content);
  else if (latest) showLine(latest);
}

function hearTab(word, content) {
  if (word === "event") hear(content.type, content.content, true);
  if (word === "connection" && mode === "waiting" && !tabs.leading) view.showConnection(content);
  if (word === "left" && mode === "waiting") goneFromLine(true);
  if (word === "joined" && mode !== "admitted") {
    progress.forget();
    mode = "joining";
    take(content);
    if (tabs.leading && mode === "waiting") live.start();
  }
}

/** Acts on a place document. */
function take(place) {
  if (place.state === "admitted") {
    goIn(place);
  } else if (place.state === "left" || place.state === "closed") {
    goneFromLine(false);
  } else {
    mode = "waiting";
    latest = place;
    if ("message" in place) view.showMessage(place.message);
    showLine(place);
  }
}

function showLine(place) {
  if (!place.position) return;
  view.showWaiting({ ...progress.at(place.position), behind: place.behind ?? 0, wait: place.wait_seconds, paused });
}

function goIn(place) {
  mode = "admitted";
  live.stop();
  progress.forget();
  view.showConnection("idle");
  view.showMessage(place.message);
  const address = entrance(place);
  showTurn(address, place);
  view.focusHeadline();
  // Of several tabs, the one being looked at goes; if none is, the leading one does.
  if (address && (!document.hidden || tabs.leading)) setTimeout(() => location.replace(address), READ_FIRST_MS);
}

/** Keeps the time that is left in sight, and asks once when it is over: used, or lost to the next person? */
function showTurn(address, place) {
  view.showAdmitted(address, place.claim_before);
  const left = Date.parse(place.claim_before) - Date.now();
  if (left > 0) timer = setTimeout(() => showTurn(address, place), 1000);
  else if (place.claim_before) timer = setTimeout(() => learnWhetherUsed(), 1000);
}

async function learnWhetherUsed() {
  try {
    const { place } = await currentPlace(queue);
    if (place.state !== "admitted") goneFromLine(false);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401) goneFromLine(false);
    else timer = setTimeout(() => learnWhetherUsed(), backOff(3));
  }
}

/** The token travels in the fragment: servers and their logs never see it. */
function entrance(place) {
  if (!place.redirect_to || !place.active_token) return null;
  const address = URL.parse ? URL.parse(place.redirect_to, location.href) : new URL(place.redirect_to, location.href);
  // An address that runs as script would hand this page to whoever wrote the setting.
  if (!address || !["http:", "https:"].includes(address.protocol)) return null;
  address.hash = `active_token=${place.active_token}`;
  return address.href;
}

function goneFromLine(byChoice) {
  clearTimeout(timer);
  mode = "left";
  paused = false;
  live.stop();
  progress.forget();
  view.showConnection("idle");
  view.showMessage(null);
  view.showLeft(byChoice);
}

async function askToLeave() {
  if (!(await view.confirmLeaving()) || mode !== "waiting") return;
  try {
    await leave(queue);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status !== 401 && error.status !== 404) {
      view.showMessage("Leaving did not work. You still have your place; please try once more.");
      return;
    }
  }
  tabs.say("left");
  goneFromLine(true);
  view.focusHeadline();
}

function begin() {
  view.showQueue(queueInWords(queue));
  view.showJoining();
  document.getElementById("leave").addEventListener("click", askToLeave);
  document.getElementById("try-again").addEventListener("click", takePlace);
  document.getElementById("join-again").addEventListener("click", () => {
    view.showJoining();
    takePlace();
  });
  document.addEventListener("visibilitychange", () => document.hidden || live.wake());
  window.addEventListener("pageshow", (event) => event.persisted && live.wake());
  window.addEventListener("online", () => live.wake());
  tabs.enter();
  takePlace();
}

begin();
