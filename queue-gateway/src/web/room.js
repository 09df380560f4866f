// The waiting room as one visitor's tab goes through it: joins, follows the line, goes in, and is told when it is over.

import { Joining } from "./joining.js";
import { nextStep } from "./next-step.js";
import { Refusal } from "./refusal.js";
import { leavingFailedInWords } from "./sentences.js";
import { LiveLine } from "./stream.js";
import { Turn } from "./turn.js";

export class Room {
  #gateway;
  #view;
  #tabs;
  #progress;
  #live;
  #joining;
  #turn;
  /** joining, waiting, admitted, left: the one thing that decides which of the steps below still apply. */
  #mode = "joining";
  #paused = false;
  #latest = null;
  #connection = "connecting";

  /**
   * `parts` is {gateway, view, tabs, progress, clock, runtime, page, openStream, proofs}; `page` as `Turn` takes it,
   * `proofs` as `Joining` does.
   */
  constructor(parts) {
    const { gateway, view, tabs, progress, runtime, openStream, proofs } = parts;
    this.#gateway = gateway;
    this.#view = view;
    this.#tabs = tabs;
    this.#progress = progress;
    this.#live = new LiveLine({
      openStream,
      askPlace: () => gateway.currentPlace(),
      runtime,
      onEvent: (type, content) => this.#hear(type, content),
      onConnection: (connection) => this.#hearConnection(connection),
    });
    this.#joining = new Joining({
      gateway,
      view,
      tabs,
      runtime,
      onPlace: (place, fresh) => this.#joined(place, fresh),
      proofs,
    });
    this.#turn = new Turn({
      ...parts,
      onEntered: () => progress.forget(),
      onPlace: (place) => this.#take(place),
    });
  }

  /** The page is open. */
  begin() {
    this.#view.showJoining();
    this.#tabs.begin({
      onLead: () => this.#mode === "waiting" && this.#live.start(),
      onFollow: () => this.#live.stop(),
      onWord: (word, content) => this.#hearTab(word, content),
    });
    this.join();
  }

  /** Takes a place; where this browser had one, it learns first what has become of it. */
  join() {
    this.#mode = "joining";
    this.#joining.begin(this.#progress.known);
  }

  /** The visitor wants a new place after the last one. */
  joinAgain() {
    this.#view.showJoining();
    this.#view.focusHeadline();
    this.join();
  }

  /** The page is left, perhaps to be restored: it must not compute for nobody. */
  rest() {
    if (this.#mode === "joining") this.#joining.end();
  }

  /** The page is seen again, or the network is back. `restored` when the visitor had left the page. */
  wake(restored) {
    if (this.#mode === "joining" && restored) this.join();
    if (this.#mode === "waiting") this.#live.wake();
    if (this.#mode === "admitted") this.#turn.wake(restored);
  }

  /** Gives the place up, if the visitor means it. */
  async leave() {
    if (!(await this.#view.confirmLeaving()) || this.#mode !== "waiting") return;
    try {
      await this.#gateway.leave();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (!error.endsPlace) {
        this.#view.showMessage(leavingFailedInWords(error));
        return;
      }
    }
    this.#tabs.say("left");
    this.#gone("left");
  }

  #joined(place, fresh) {
    if (fresh) {
      this.#progress.forget();
      this.#tabs.say("joined", place);
    }
    this.#take(place);
    this.#learnQueue();
  }

  /** Acts on a place document. */
  #take(place) {
    const { step, reason, again } = nextStep(this.#mode, place, this.#progress.called);
    if (step === "gone") this.#gone(reason);
    else if (step === "follow") this.#follow(place, again);
    else this.#admitted(place, step);
  }

  #follow(place, again) {
    this.#turn.end();
    this.#mode = "waiting";
    this.#latest = { ...place, again };
    if ("message" in place) this.#view.showMessage(place.message);
    this.#showLine();
    if (this.#tabs.leading) this.#live.start();
  }

  #admitted(place, step) {
    const before = this.#mode;
    this.#mode = "admitted";
    this.#live.stop();
    if (place.arrive_before) this.#progress.call();
    else this.#progress.forget();
    this.#view.showConnection("idle");
    this.#view.showMessage(place.message);
    if (step === "enter") this.#turn.enter(place);
    else this.#turn.stand(place);
    if (before !== "admitted") this.#changedScene();
  }

  #gone(reason) {
    this.#turn.end();
    this.#mode = "left";
    this.#paused = false;
    this.#live.stop();
    this.#progress.forget();
    this.#view.showConnection("idle");
    this.#view.showMessage(null);
    this.#view.showGone(reason);
    this.#changedScene();
  }

  /** What had the focus is gone, and what was asked is decided. */
  #changedScene() {
    this.#view.stopAsking();
    this.#view.focusHeadline();
  }

  #showLine() {
    const { position, behind, wait_seconds: wait, ...place } = this.#latest;
    const steps = position ? this.#progress.at(position) : { position: null, first: null };
    this.#view.showWaiting({ ...place, ...steps, behind: behind ?? 0, wait, paused: this.#paused });
  }

  /** One thing the gateway said, heard by this tab or told by the leading one. */
  #hear(type, content, fromTab = false) {
    if (!fromTab) this.#tabs.say("event", { type, content });
    if (this.#mode !== "waiting") return;
    if (type === "paused") this.#paused = true;
    if (type === "resumed") this.#paused = false;
    // These three concern the queue as a whole, and each says all of it.
    if ("message" in content) this.#view.showMessage(content.message);
    if (content.state) this.#take(content);
    else if (type !== "ping") this.#showLine();
  }

  #hearTab(word, content) {
    if (word === "event" && !this.#tabs.leading) this.#hear(content.type, content.content, true);
    if (word === "connection" && this.#mode === "waiting" && !this.#tabs.leading) this.#view.showConnection(content);
    if (word === "left" && this.#mode === "waiting") this.#gone("left");
    if (word === "entering") this.#turn.goesElsewhere();
    if (word === "joined" && this.#mode !== "admitted") {
      this.#progress.forget();
      this.#joining.end();
      this.#mode = "joining";
      this.#take(content);
    }
  }

  #hearConnection(connection) {
    if (this.#mode !== "waiting") return;
    this.#view.showConnection(connection);
    this.#tabs.say("connection", connection);
    // What was said while we were away is lost, and polling never hears of it.
    const missed = connection === "polling" || (connection === "live" && this.#connection !== "live");
    this.#connection = connection;
    if (missed && (this.#paused || !this.#latest.wait_seconds)) this.#learnQueue();
  }

  /** A place does not say whether the line stands still. Streams do when it changes, the public state at any time. */
  async #learnQueue() {
    try {
      const { title, state } = await this.#gateway.publicState();
      if (title) this.#view.showQueue(title);
      const paused = state === "paused";
      if (this.#mode === "waiting" && paused !== this.#paused) this.#hear(paused ? "paused" : "resumed", {});
    } catch (error) {
      // Only an explanation is missing; the line itself is followed elsewhere.
      if (!(error instanceof Refusal)) throw error;
    }
  }
}
