// The live line to the gateway: a stream while one works, polling while none does, and never an end by itself.

import { backOff, jittered } from "./pauses.js";
import { Refusal } from "./refusal.js";
import { Alarm } from "./runtime.js";

const EVENTS = ["position", "admitted", "paused", "resumed", "message", "closed", "ping"];

/** The gateway sends two frames at once on opening. None by then: a proxy is holding them back. */
export const FIRST_EVENT_WITHIN_MS = 15_000;
/** The gateway pings every 15 s; after this long without anything the connection is dead, whatever the socket says. */
export const SILENCE_MS = 40_000;
/** How long the browser may take for its own reconnection: the gateway asks for pauses of up to 20 s by `retry:`. */
export const BROWSER_RETRY_MS = 35_000;
/** Streams in a row that brought nothing before polling takes over. */
export const MUTE_STREAMS = 3;
/** While polling, a stream is tried again this often: networks change. */
export const STREAM_AGAIN_MS = 300_000;
/** Something heard within this time needs no reopening when the page comes back to the front. */
const RECENT_MS = 20_000;
const REOPEN_MS = 1_000;

/** `EventSource.CLOSED`: the browser will not reconnect. */
const CLOSED = 2;

export class LiveLine {
  #openStream;
  #askPlace;
  #runtime;
  #onEvent;
  #onConnection;
  #alarm;
  #source = null;
  /** Names the present attempt, so that a late answer to an earlier one is dropped. */
  #attempt = 0;
  #running = false;
  #heard = false;
  #heardAt = 0;
  #mute = 0;
  #failures = 0;
  #pollingSince = null;

  /**
   * `openStream()` gives an `EventSource`, `askPlace()` what a poll gives. `onEvent(type, document)` gets what the
   * gateway says, `onConnection(word)` how we hear it: connecting, live, polling, waiting (between two attempts).
   */
  constructor({ openStream, askPlace, runtime, onEvent, onConnection }) {
    this.#openStream = openStream;
    this.#askPlace = askPlace;
    this.#runtime = runtime;
    this.#onEvent = onEvent;
    this.#onConnection = onConnection;
    this.#alarm = new Alarm(runtime);
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#mute = 0;
    this.#failures = 0;
    this.#open();
  }

  stop() {
    this.#running = false;
    this.#drop();
  }

  /** The page is seen again or the network is back: do not wait for a timer that slept with the tab. */
  wake() {
    if (!this.#running || this.#runtime.now() - this.#heardAt < RECENT_MS) return;
    if (this.#pollingSince === null) this.#open();
    else this.#poll();
  }

  /** Something is due to have happened. A stream tells it by itself, polling would hear of it at its own pace. */
  askNow() {
    if (this.#running && this.#pollingSince !== null) this.#poll();
  }

  #open() {
    this.#drop();
    this.#pollingSince = null;
    this.#heard = false;
    this.#onConnection("connecting");
    this.#source = this.#openStream();
    for (const type of EVENTS) this.#source.addEventListener(type, (event) => this.#hear(type, event.data));
    this.#source.addEventListener("error", () => this.#broke());
    this.#alarm.set(FIRST_EVENT_WITHIN_MS, () => this.#wasMute());
  }

  #hear(type, data) {
    this.#heard = true;
    this.#noteContact();
    this.#mute = 0;
    this.#onConnection("live");
    this.#alarm.set(SILENCE_MS, () => this.#open());
    this.#onEvent(type, parsed(data));
  }

  #broke() {
    if (!this.#heard) this.#mute += 1;
    this.#heard = false;
    if (this.#mute >= MUTE_STREAMS) {
      this.#startPolling();
    } else if (this.#source.readyState === CLOSED) {
      this.#askThenReopen();
    } else {
      // The browser reconnects by itself after the pause the gateway asked for; we only watch over it.
      this.#onConnection("waiting");
      this.#alarm.set(BROWSER_RETRY_MS, () => this.#open());
    }
  }

  #wasMute() {
    this.#mute += 1;
    if (this.#mute >= MUTE_STREAMS) this.#startPolling();
    else this.#askThenReopen();
  }

  #startPolling() {
    this.#pollingSince = this.#runtime.now();
    this.#poll();
  }

  /** A refused stream does not say why; one question does, and may tell that there is no place any more. */
  async #askThenReopen() {
    this.#drop();
    const pause = await this.#ask();
    if (pause !== null) this.#alarm.set(this.#failures ? pause : this.#jittered(REOPEN_MS), () => this.#open());
  }

  async #poll() {
    this.#drop();
    const wasAway = this.#failures > 0;
    const pause = await this.#ask();
    if (pause === null) return;
    const back = wasAway && this.#failures === 0;
    if (!back && this.#runtime.now() - this.#pollingSince < STREAM_AGAIN_MS) {
      this.#alarm.set(pause, () => this.#poll());
      return;
    }
    // A gateway that is back from an outage deserves a stream at once. One more mute one is enough to return here.
    this.#mute = MUTE_STREAMS - 1;
    this.#alarm.set(back ? this.#jittered(REOPEN_MS) : pause, () => this.#open());
  }

  /** Asks once and passes the answer on. Milliseconds until the next question; null when this answer came too late. */
  async #ask() {
    const attempt = this.#attempt;
    try {
      const { place, askAgainSeconds } = await this.#askPlace();
      if (attempt !== this.#attempt) return null;
      this.#noteContact();
      this.#onConnection("polling");
      this.#onEvent(place.state === "admitted" ? "admitted" : "position", place);
      return attempt === this.#attempt ? this.#jittered(askAgainSeconds * 1000) : null;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return attempt === this.#attempt ? this.#afterRefusal(error) : null;
    }
  }

  #afterRefusal(refusal) {
    if (refusal.endsPlace) {
      this.#onEvent("closed", { state: "left" });
      return null;
    }
    this.#onConnection("waiting");
    this.#failures += 1;
    return Math.max(backOff(this.#failures, this.#runtime.random), (refusal.retryAfterSeconds ?? 0) * 1000);
  }

  #noteContact() {
    this.#failures = 0;
    this.#heardAt = this.#runtime.now();
  }

  #drop() {
    this.#attempt += 1;
    this.#alarm.clear();
    this.#source?.close();
  }

  #jittered(milliseconds) {
    return jittered(milliseconds, this.#runtime.random);
  }
}

/** A frame that cannot be read says no more than that the gateway is alive. */
function parsed(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return {};
  }
}
