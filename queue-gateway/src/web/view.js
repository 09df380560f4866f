// Draws what is known. The one module that touches the document.

import { Announcements } from "./announcements.js";
import {
  beforeJoinsInWords,
  closedInWords,
  computingInWords,
  goneInWords,
  lineInWords,
  troubleInWords,
  turnInWords,
} from "./sentences.js";
import { count } from "./words.js";

const TICKS = 60;

const CONNECTIONS = {
  connecting: "Connecting",
  live: "Live",
  polling: "Live, every few seconds",
  waiting: "Reconnecting",
  idle: "",
};

const FACTS = ["wait", "behind", "number"];
const BUTTONS = ["enter", "to-site", "join-again", "try-again"];

export class View {
  #document;
  #announcements;

  /** `now` spaces what is spoken. */
  constructor(document, now) {
    this.#document = document;
    this.#announcements = new Announcements(now, (text) => this.#setText("announcements", text));
  }

  /** Calls `step` when the button is pressed. */
  onPress(button, step) {
    this.#element(button).addEventListener("click", step);
  }

  /** Puts the queue's name where it is shown. */
  showQueue(name) {
    this.#setText("queue-name", name);
  }

  /** How we hear of the line, in a corner. */
  showConnection(connection) {
    this.#element("connection").dataset.connection = connection;
    this.#setText("connection-text", CONNECTIONS[connection]);
  }

  /** No place yet. */
  showJoining() {
    this.#frame("joining", { title: "Taking your place in the line", lead: "One moment." });
    this.#announcements.clear();
  }

  /** No place yet: the browser computes. `share` is what `computingInWords` takes. */
  showComputing(share) {
    const { title, lead, percent, done } = computingInWords(share);
    this.#frame("computing", { title, lead });
    this.#drawRuler("work-progress", percent / 100);
    this.#element("work-progress").setAttribute("aria-valuetext", done);
    this.#setText("work-done", done);
    this.#announcements.announce(`${title}. ${lead}`);
  }

  /** No place yet: joins are not taken. `times` is what `beforeJoinsInWords` takes. */
  showBeforeJoins(times) {
    const words = beforeJoinsInWords(times);
    this.#frame("scheduled", words);
    this.#document.title = words.tab;
    this.#speak(words);
  }

  /** A place in the line; `line` is what `lineInWords` takes, with `first`. */
  showWaiting(line) {
    const words = lineInWords(line);
    this.#frame("waiting", words);
    this.#element("place").hidden = !words.hasOrder;
    this.#element("walk").hidden = !words.moves;
    this.#setText("position", words.position);
    this.#setText("wait-label", words.waitLabel);
    for (const fact of FACTS) this.#showFact(fact, words[fact]);
    this.#setText("leave-warning", words.warning);
    if (line.position) this.#showProgress(line);
    this.#document.title = words.tab;
    this.#speak(words);
  }

  /** The visitor's turn; `turn` is what `turnInWords` takes, and `entrance` where the tickets are. */
  showAdmitted(turn, entrance) {
    const { title, lead, kept } = turnInWords(turn);
    this.#element("enter").href = entrance;
    this.#frame("admitted", { title, lead: `${lead}${kept}` }, { main: "enter" });
    this.#document.title = title;
    this.#announcements.announce(`${title}. ${lead}`, lead);
  }

  /** No place any more, for this reason. */
  showGone(reason) {
    this.#showEnd(goneInWords(reason), { main: "join-again" });
  }

  /** The queue is over; `site` is where the site is, where known. */
  showClosed(site) {
    this.#showEnd(closedInWords(), { ...this.#toSite(site), quiet: "try-again" });
  }

  /**
   * A refusal. With `seconds`, the next try follows by itself in so many. `site` is where the site is, where known: if
   * only the site can help, there is nothing to try here.
   */
  showTrouble(refusal, seconds, site) {
    const words = troubleInWords(refusal, seconds);
    this.#frame("trouble", words, this.#wayOn(refusal, site));
    this.#document.title = "Waiting room";
    this.#announcements.announce(`${words.title}. ${words.sentence ?? words.lead}`);
  }

  /** The operator's sentence; nothing when there is none. */
  showMessage(message) {
    if (this.#element("message").textContent === (message ?? "")) return;
    this.#setText("message", message ?? "");
    this.#element("message").hidden = !message;
    if (message) this.#announcements.interject(message);
  }

  /** What has become of something that the visitor brought; it stays, whatever the operator says. */
  showNotice(notice) {
    this.#setText("notice", notice);
    this.#element("notice").hidden = false;
    this.#announcements.interject(notice);
  }

  /** Asks whether the visitor means it. */
  confirmLeaving() {
    const dialog = this.#element("leave-dialog");
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "leave"), { once: true });
    });
  }

  /** The situation has changed while the question was open. */
  stopAsking() {
    this.#element("leave-dialog").close();
  }

  /** Moves the focus to the headline, for after the button that had it is gone. */
  focusHeadline() {
    this.#element("state").focus();
  }

  /** The line is over, for this visitor or for all. */
  #showEnd(words, buttons) {
    this.#frame("left", words, buttons);
    this.#document.title = words.title;
    this.#announcements.announce(`${words.title}. ${words.lead}`);
  }

  #wayOn(refusal, site) {
    if (refusal.needsSite) return this.#toSite(site);
    if (refusal.endsInvitation) return { main: "join-again" };
    // The operator may think better of it.
    return refusal.comesTooLate ? { ...this.#toSite(site), quiet: "try-again" } : { main: "try-again" };
  }

  #toSite(site) {
    if (site) this.#element("to-site").href = site;
    return { main: site && "to-site" };
  }

  #speak({ step, topic, spoken }) {
    if (step) this.#announcements.announceStep(step, topic, spoken);
    else this.#announcements.announce(spoken, topic);
  }

  /** `main` is the button for what to do, `quiet` one for what else is possible. */
  #frame(view, { title, lead }, { main, quiet } = {}) {
    this.#element("room").dataset.view = view;
    this.#setText("state", title);
    this.#setText("lead", lead);
    this.#element("work").hidden = view !== "computing";
    this.#element("waiting").hidden = view !== "waiting";
    this.#element("footing").hidden = view !== "waiting";
    for (const id of BUTTONS) {
      this.#element(id).hidden = id !== main && id !== quiet;
      this.#element(id).className = id === quiet ? "quiet" : "button";
    }
  }

  #showFact(id, text) {
    this.#setText(id, text);
    this.#element(`${id}-fact`).hidden = text === "";
  }

  #showProgress({ position, first }) {
    const done = first > 0 ? (first - position) / first : 0;
    this.#drawRuler("progress", done);
    this.#element("progress").setAttribute("aria-valuetext", `place ${count(position)}, started at ${count(first)}`);
    this.#setText("progress-start", `Started at ${count(first)}`);
  }

  /** Marks how far somebody has come, from 0 to 1. */
  #drawRuler(id, done) {
    const ruler = this.#element(id);
    if (!ruler.firstChild) ruler.append(...Array.from({ length: TICKS }, () => this.#document.createElement("i")));
    const reached = Math.min(TICKS - 1, Math.floor(done * TICKS));
    [...ruler.children].forEach((tick, index) => {
      tick.className = index < reached ? "passed" : index === reached ? "here" : "";
    });
    ruler.setAttribute("aria-valuenow", String(Math.round(done * 100)));
  }

  #element(id) {
    return this.#document.getElementById(id);
  }

  /** Writing the same text again would make some screen readers speak it again. */
  #setText(id, text) {
    if (this.#element(id).textContent !== text) this.#element(id).textContent = text;
  }
}
