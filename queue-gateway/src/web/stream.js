// The live line to the gateway: a stream while one works, polling while none does, and never an end by itself.

import { currentPlace, Refusal, streamAddress } from "./gateway.js";

const EVENTS = ["position", "admitted", "paused", "resumed", "message", "closed", "ping"];

/** The gateway sends two frames at once on opening. None by then: a proxy is holding them back. */
const FIRST_EVENT_WITHIN_MS = 15_000;
/** The gateway pings every 15 s; after this long without anything the connection is dead, whatever the socket says. */
const SILENCE_MS = 40_000;
/** How long the browser may take for its own reconnection, whose pause the gateway sets by `retry:`. */
const BROWSER_RETRY_MS = 60_000;
/** Streams in a row that brought nothing before polling takes over. */
const MUTE_STREAMS = 3;
/** While polling, a stream is tried again this often: networks change. */
const STREAM_AGAIN_MS = 300_000;
/** Something heard within this time needs no reopening when the page comes back to the front. */
const RECENT_MS = 20_000;
const LONGEST_PAUSE_MS = 30_000;

export class LiveLine {
  #queue;
  #onEvent;
  #onConnection;
  #source = null;
  #timer = 0;
  /** Names the present attempt, so that a late answer to an earlier one is dropped. */
  #attempt = 0;
  #running = false;
  #heard = false;
  #heardAt = 0;
  #mute = 0;
  #failures = 0;
  #pollingSince = 0;

  /**
   * `onEvent(type, document)` gets what the gateway says, `onConnection(word)` how we hear it:
   * connecting, live, polling, waiting (between two attempts).
   */
  constructor(queue, onEvent, onConnection) {
    this.#queue = queue;
    this.#onEvent = onEvent;
    this.#onConnection = onConnection;
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
    if (!this.#running || Date.now() - this.#heardAt < RECENT_MS) return;
    if (this.#pollingSince) this.#poll();
    else this.#open();
  }

  #open() {
    this.#drop();
    this.#pollingSince = 0;
    this.#heard = false;
    this.#onConnection("connecting");
    this.#source = new EventSource(streamAddress(this.#queue));
    for (const type of EVENTS) this.#source.addEventListener(type, (event) => this.#hear(type, event.data));
    this.#source.addEventListener("error", () => this.#broke());
    this.#after(FIRST_EVENT_WITHIN_MS, () => this.#wasMute());
  }

  #hear(type, data) {
    this.#heard = true;
    this.#noteContact();
    this.#mute = 0;
    this.#onConnection("live");
    this.#after(SILENCE_MS, () => this.#open());
    this.#onEvent(type, parsed(data));
  }

  #broke() {
    if (!this.#heard) this.#mute += 1;
    this.#heard = false;
    if (this.#mute >= MUTE_STREAMS) {
      this.#startPolling();
    } else if (this.#source.readyState === EventSource.CLOSED) {
      this.#askThenReopen();
    } else {
      // The browser reconnects by itself after the pause the gateway asked for; we only watch over it.
      this.#onConnection("waiting");
      this.#after(BROWSER_RETRY_MS, () => this.#open());
    }
  }

  #wasMute() {
    this.#mute += 1;
    if (this.#mute >= MUTE_STREAMS) this.#startPolling();
    else this.#askThenReopen();
  }

  #startPolling() {
    this.#pollingSince = Date.now();
    this.#poll();
  }

  /** A refused stream does not say why; one question does, and may tell that there is no place any more. */
  async #askThenReopen() {
    this.#drop();
    const pause = await this.#ask();
    if (pause !== null) this.#after(this.#failures ? pause : jittered(1000), () => this.#open());
  }

  async #poll() {
    this.#drop();
    const wasAway = this.#failures > 0;
    const pause = await this.#ask();
    if (pause === null) return;
    const back = wasAway && this.#failures === 0;
    if (!back && Date.now() - this.#pollingSince < STREAM_AGAIN_MS) {
      this.#after(pause, () => this.#poll());
      return;
    }
    // A gateway that is back from an outage deserves a stream at once. One more mute one is enough to return here.
    this.#mute = MUTE_STREAMS - 1;
    this.#after(back ? jittered(1000) : pause, () => this.#open());
  }

  /** Asks once and passes the answer on. Milliseconds until the next question, or null when this answer came too late. */
  async #ask() {
    const attempt = this.#attempt;
    try {
      const { place, askAgainSeconds } = await currentPlace(this.#queue);
      if (attempt !== this.#attempt) return null;
      this.#noteContact();
      this.#onConnection("polling");
      this.#onEvent(place.state === "admitted" ? "admitted" : "position", place);
      return attempt === this.#attempt ? jittered(askAgainSeconds * 1000) : null;
    } catch (error) {
      if (attempt !== this.#attempt) return null;
      if (!(error instanceof Refusal)) throw error;
      return this.#afterRefusal(error);
    }
  }

  #afterRefusal(refusal) {
    if (refusal.status === 401 || refusal.status === 404) {
      this.#onEvent("closed", { state: "left" });
      return null;
    }
    this.#onConnection("waiting");
    this.#failures += 1;
    return Math.max(backOff(this.#failures), (refusal.retryAfterSeconds ?? 0) * 1000);
  }

  #noteContact() {
    this.#failures = 0;
    this.#heardAt = Date.now();
  }

  #drop() {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  /** One timer at a time: each step replaces what the last one was waiting for. */
  #after(milliseconds, step) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(step, milliseconds);
  }
}

/** The pause before the nth attempt: doubling, random in its upper half, at most half a minute. */
export function backOff(failures) {
  const ceiling = Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** failures);
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

/** Up to a fifth later, never sooner: those who came together must not ask together. */
function jittered(milliseconds) {
  return milliseconds * (1 + Math.random() / 5);
}

/** A frame that cannot be read says no more than that the gateway is alive. */
function parsed(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return {};
  }
}
