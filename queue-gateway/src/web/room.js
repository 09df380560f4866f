// The waiting room as one visitor's tab goes through it: joins, follows the line, goes in, and is told when it is over.

import { Countdown } from "./countdown.js";
import { Joining } from "./joining.js";
import { awaitsDraw, flowOf, isBeforeOpening, isThere, nextStep } from "./next-step.js";
import { withinASecond } from "./pauses.js";
import { Refusal } from "./refusal.js";
import { Alarm } from "./runtime.js";
import { leavingFailedInWords } from "./sentences.js";
import { instantOf } from "./server-clock.js";
import { LiveLine } from "./stream.js";
import { Turn } from "./turn.js";

/** After a draw everybody fetches their place; over so long, that not all do at once. */
const PLACES_FETCHED_WITHIN_MS = 30_000;

/** A line that moves, and that others join. */
const FLOWS = { paused: false, rejoining: false, draining: false };

export class Room {
  #gateway;
  #view;
  #tabs;
  #progress;
  #live;
  #joining;
  #turn;
  /** Until the line of this place is opened. */
  #opening;
  /** joining, waiting, admitted, left: the one thing that decides which of the steps below still apply. */
  #mode = "joining";
  /** What the queue does for those in its line, as far as that was said. */
  #flow = FLOWS;
  #latest = null;
  #connection = "connecting";
  /** What is published of the draw; null where there is none, or nothing is known of it. */
  #draw = null;
  #drawnPlace;
  #random;

  /**
   * `parts` is {gateway, view, tabs, progress, clock, runtime, page, openStream, proofs}; `page` as `Turn` takes it,
   * `proofs` as `Joining` does.
   */
  constructor(parts) {
    const { gateway, view, tabs, progress, clock, runtime, openStream, proofs } = parts;
    this.#gateway = gateway;
    this.#view = view;
    this.#tabs = tabs;
    this.#progress = progress;
    this.#drawnPlace = new Alarm(runtime);
    this.#random = runtime.random;
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
      clock,
      runtime,
      askQueue: () => this.#askQueue(),
      onPlace: (place, fresh) => this.#joined(place, fresh),
      proofs,
    });
    this.#turn = new Turn({
      ...parts,
      onEntered: () => progress.forget(),
      onPlace: (place) => this.#take(place),
    });
    this.#opening = new Countdown({
      clock,
      runtime,
      onTick: () => this.#showLine(),
      onOver: () => this.#askWhatIsDue(),
      pause: () => withinASecond(runtime.random),
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

  /** The visitor asks for a place once more. */
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
    if (restored && this.#mode === "waiting" && this.#gateway.bringsInvitation) {
      this.join();
    } else if (this.#mode === "joining") {
      if (restored) this.join();
      else this.#joining.wake();
    } else if (this.#mode === "waiting") {
      this.#live.wake();
      this.#opening.wake();
    } else if (this.#mode === "admitted") {
      this.#turn.wake(restored);
    }
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
    if (fresh) this.#progress.forget();
    // Also of a place that was there before: the leading tab may think that the queue is closed.
    if (isThere(place)) this.#tabs.say("joined", { place, fresh });
    this.#take(place);
    this.#learnQueue();
  }

  /** Acts on a place document. */
  #take(place) {
    const { step, reason, again } = nextStep(this.#mode, place, this.#progress.called);
    if (step === "gone") this.#gone(reason);
    else if (step === "closed") this.#closed(place);
    else if (step === "follow") this.#follow(place, again);
    else this.#admitted(place, step);
  }

  #follow(place, again) {
    this.#turn.end();
    this.#mode = "waiting";
    if (this.#latest && awaitsDraw(this.#latest) && !isBeforeOpening(place)) this.#fetchDrawnPlace();
    this.#latest = { ...place, ...this.#stepsTo(place), again };
    if ("message" in place) this.#view.showMessage(place.message);
    const opensAt = isBeforeOpening(place) ? instantOf(place.opens_at) : null;
    if (opensAt === null) {
      this.#opening.end();
      this.#showLine();
    } else {
      this.#opening.begin(opensAt);
    }
    if (this.#tabs.leading) this.#live.start();
  }

  /** A stream gives us no other token, and the one that we have names the number: a lost store could not read it. */
  #fetchDrawnPlace() {
    if (!this.#tabs.leading) return;
    this.#drawnPlace.set(this.#random() * PLACES_FETCHED_WITHIN_MS, async () => {
      try {
        await this.#gateway.currentPlace();
      } catch (error) {
        // The next stream brings the token as well.
        if (!(error instanceof Refusal)) throw error;
      }
    });
  }

  /** How far the visitor has come to this position, as far as there is one. */
  #stepsTo(place) {
    if (place.position) return this.#progress.at(place.position);
    if (awaitsDraw(place)) this.#progress.awaitDraw();
    return { position: null, first: null };
  }

  #admitted(place, step) {
    const before = this.#mode;
    this.#mode = "admitted";
    this.#stopFollowing();
    if (place.arrive_before) this.#progress.call();
    else this.#progress.forget();
    this.#view.showConnection("idle");
    this.#view.showMessage(place.message);
    if (step === "enter") this.#turn.enter(place);
    else this.#turn.stand(place);
    if (before !== "admitted") this.#changedScene();
  }

  #gone(reason) {
    this.#progress.forget();
    this.#lineEnds(null);
    this.#view.showGone(reason);
    this.#changedScene();
  }

  /** Over for everybody. The gateway keeps the place, so what we know of it is kept too. */
  #closed(place) {
    this.#lineEnds(place.message ?? null);
    this.#view.showClosed(place.redirect_to ?? null);
    this.#changedScene();
  }

  #lineEnds(message) {
    this.#turn.end();
    this.#mode = "left";
    this.#flow = FLOWS;
    this.#stopFollowing();
    this.#view.showConnection("idle");
    this.#view.showMessage(message);
  }

  #stopFollowing() {
    this.#live.stop();
    this.#opening.end();
    this.#drawnPlace.clear();
  }

  /** What had the focus is gone, and what was asked is decided. */
  #changedScene() {
    this.#view.stopAsking();
    this.#view.focusHeadline();
  }

  #showLine() {
    const { behind, wait_seconds: wait, ...place } = this.#latest;
    const { instant: opensAt, left } = this.#opening;
    const ofQueue = { opensAt, left, draw: this.#draw, ...this.#flow };
    this.#view.showWaiting({ ...place, behind: behind ?? 0, wait, ...ofQueue });
  }

  /** The opening is due. Only the leading tab hears of it, and a hidden one that polls may sleep over it. */
  #askWhatIsDue() {
    this.#live.askNow();
    if (!this.#tabs.leading) this.#tabs.say("due");
  }

  /** One thing the gateway said, heard by this tab or told by the leading one. */
  #hear(type, content, fromTab = false) {
    if (!fromTab) this.#tabs.say("event", { type, content });
    if (this.#mode !== "waiting") return;
    if (type === "paused" || type === "resumed") {
      const { rejoining = false, draining = false } = content;
      this.#flow = { paused: type === "paused", rejoining, draining };
    }
    // These three concern the queue as a whole, and each says all of it.
    if ("message" in content) this.#view.showMessage(content.message);
    if (content.state) this.#take(content);
    else if (type !== "ping") this.#showLine();
  }

  #hearTab(word, content) {
    if (word === "event" && !this.#tabs.leading) this.#hear(content.type, content.content, true);
    if (word === "connection" && this.#mode === "waiting" && !this.#tabs.leading) this.#view.showConnection(content);
    if (word === "left" && this.#mode === "waiting") this.#gone("left");
    if (word === "due") this.#live.askNow();
    if (word === "entering") this.#turn.goesElsewhere();
    if (word === "joined") this.#joinedElsewhere(content);
  }

  #joinedElsewhere({ place, fresh }) {
    if (this.#mode === "admitted" || (this.#mode === "waiting" && !fresh)) return;
    if (fresh) this.#progress.forget();
    this.#joining.end();
    this.#mode = "joining";
    this.#take(place);
    this.#learnQueue();
  }

  #hearConnection(connection) {
    if (this.#mode !== "waiting") return;
    this.#view.showConnection(connection);
    this.#tabs.say("connection", connection);
    // What was said while we were away is lost, and polling never hears of it.
    const missed = connection === "polling" || (connection === "live" && this.#connection !== "live");
    this.#connection = connection;
    const mayStandStill = !this.#latest.wait_seconds && !isBeforeOpening(this.#latest);
    if (missed && (this.#flow.paused || this.#flow.rejoining || mayStandStill)) this.#learnQueue();
  }

  /** A place does not say whether the line stands still. Streams do when it changes, the public state at any time. */
  async #learnQueue() {
    const queue = await this.#askQueue();
    if (!queue) return;
    this.#draw = queue.draw ?? null;
    if (this.#mode !== "waiting") return;
    if (this.#draw && awaitsDraw(this.#latest)) this.#showLine();
    const flow = flowOf(queue.state, this.#flow);
    const isNews = Object.keys(FLOWS).some((name) => flow[name] !== this.#flow[name]);
    if (isNews) this.#hear(flow.paused ? "paused" : "resumed", flow);
  }

  /** The queue's public state, with its title put where it is shown; null where it cannot be had. */
  async #askQueue() {
    try {
      const queue = await this.#gateway.publicState();
      if (queue.title) this.#view.showQueue(queue.title);
      return queue;
    } catch (error) {
      // Only an explanation is missing; the line itself is followed elsewhere.
      if (!(error instanceof Refusal)) throw error;
      return null;
    }
  }
}
