// Draws what is known. The one module that touches the document.

import { Announcements } from "./announcements.js";
import { computingInWords, goneInWords, lineInWords, troubleInWords, turnInWords } from "./sentences.js";
import { count } from "./words.js";

const TICKS = 60;

const CONNECTIONS = {
  connecting: "Connecting",
  live: "Live",
  polling: "Live, every few seconds",
  waiting: "Reconnecting",
  idle: "",
};

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

  /** A place in the line; `line` is what `lineInWords` takes, with `first`. */
  showWaiting(line) {
    const words = lineInWords(line);
    this.#frame("waiting", words);
    this.#setText("position", words.position);
    this.#setText("behind", words.behind);
    this.#setText("wait", words.wait);
    if (line.position) this.#showProgress(line);
    this.#document.title = `${words.position} \u00b7 ${line.paused ? "Paused" : "Waiting room"}`;
    this.#announcements.announce(words.spoken, words.title);
  }

  /** The visitor's turn; `turn` is what `turnInWords` takes, and `entrance` where the tickets are. */
  showAdmitted(turn, entrance) {
    const { title, lead, kept } = turnInWords(turn);
    this.#element("enter").href = entrance;
    this.#frame("admitted", { title, lead: `${lead}${kept}` }, "enter");
    this.#document.title = title;
    this.#announcements.announce(`${title}. ${lead}`, lead);
  }

  /** No place any more, for this reason. */
  showGone(reason) {
    const words = goneInWords(reason);
    this.#frame("left", words, "join-again");
    this.#document.title = words.title;
    this.#announcements.announce(`${words.title}. ${words.lead}`);
  }

  /**
   * A refusal. With `seconds`, the next try follows by itself in so many. `site` is where the site is, where known: if
   * only the site can help, there is nothing to try here.
   */
  showTrouble(refusal, seconds, site) {
    const words = troubleInWords(refusal, seconds);
    if (site) this.#element("to-site").href = site;
    const button = refusal.needsSite ? site && "to-site" : "try-again";
    this.#frame("trouble", words, button);
    this.#document.title = "Waiting room";
    this.#announcements.announce(`${words.title}. ${words.sentence ?? words.lead}`);
  }

  /** The operator's sentence; nothing when there is none. */
  showMessage(message) {
    if (this.#element("message").textContent === (message ?? "")) return;
    this.#setText("message", message ?? "");
    this.#element("message").hidden = !message;
    if (message) this.#announcements.announce(message);
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

  #frame(view, { title, lead }, button) {
    this.#element("room").dataset.view = view;
    this.#setText("state", title);
    this.#setText("lead", lead);
    this.#element("work").hidden = view !== "computing";
    this.#element("waiting").hidden = view !== "waiting";
    this.#element("footing").hidden = view !== "waiting";
    for (const id of BUTTONS) this.#element(id).hidden = id !== button;
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
