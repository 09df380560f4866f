// The booking of one performance: choose, hold, reserve, pay. What is half-way survives a reload.

import * as account from "./account.js";
import * as api from "./api.js";
import { serverNow } from "./clock.js";
import { access, activeToken, booking } from "./memory.js";
import { Panel } from "./panel.js";
import { TURN_USED, refusalInWords, seatsTaken, takenSeats } from "./refusals.js";
import * as turn from "./turn.js";
import { seatNumbers, timeOfDay, total, upTo } from "./words.js";

const READ_HALL_EVERY_MS = 10_000;
/** Not yours, not there, run out: with any of these there is nothing left to pay. */
const ENDS_BOOKING = [403, 404, 410];

export class Checkout {
  #performance;
  #map;
  #panel;
  #onPaid;
  /** {seats, amount, hold, reservation, expires_at, keys}, or null while nothing is held. */
  #booking;
  #busy = false;
  #holdOnceSignedIn = false;
  #takePlaceOnceSignedIn = false;
  #timers = [];
  #paid = false;
  /** The last attempt to hold: the same seats after a lost answer go out under the same key. */
  #attempt = { numbers: "", key: "" };

  /** `onPaid(reservation)` is told when all is done. */
  constructor(performance, map, onPaid) {
    this.#performance = performance;
    this.#map = map;
    this.#onPaid = onPaid;
    this.#booking = booking.of(performance.id);
    this.#panel = new Panel({
      hold: () => this.#hold(), pay: () => this.#pay(), giveBack: () => this.#giveBack(), leave: () => this.#leave(),
      takePlace: (event) => this.#takePlace(event),
    });
  }

  /** Picks up where the last visit ended, then keeps time. */
  async resume() {
    if (this.#booking) this.#map.lock(this.#numbers());
    if (this.#booking?.reservation && access.valid()) await this.#learnReservation();
    if (this.#paid) return;
    this.render();
    this.#timers = [setInterval(() => this.#tick(), 1000), setInterval(() => this.#readHall(), READ_HALL_EVERY_MS)];
  }

  /** Seats were chosen or dropped. */
  chose(seats, full) {
    this.#panel.say(full ? `${upTo(this.#performance.max_seats_per_member)} for each member.` : "");
    this.render();
  }

  /** Somebody signed in or out. */
  async memberChanged() {
    if (this.#booking?.reservation && access.valid()) await this.#learnReservation();
    this.render();
    if (this.#holdOnceSignedIn && access.valid()) await this.#hold();
    this.#holdOnceSignedIn = false;
    if (this.#takePlaceOnceSignedIn && access.valid()) await this.#goToLineAsMember();
    this.#takePlaceOnceSignedIn = false;
  }

  /** The wallet has another balance, or the first one that is known. */
  balanceChanged() {
    if (this.#booking && !this.#isShort()) this.#panel.say("");
    this.render();
  }

  render() {
    if (this.#paid) return;
    if (this.#booking) {
      const balance = access.valid() ? account.walletBalance() : null;
      this.#panel.showKept(this.#booking, this.#secondsLeft(), balance, this.#busy);
      if (!activeToken.claims()) this.#panel.showTurnOver(this.#performance);
      return;
    }
    const { allowed, until, reason, why } = this.#turn();
    if (allowed) {
      this.#map.unlock();
      this.#panel.showChoosing(this.#map.chosen, this.#performance.max_seats_per_member, until, this.#busy);
    } else {
      this.#map.lock([]);
      this.#panel.showOutside(this.#performance, reason, access.valid(), why);
    }
  }

  /** Whether this visitor may buy here, as far as the token says. The API has the last word. */
  #turn() {
    const opens = Date.parse(this.#performance.sale_opens_at);
    const closes = Date.parse(this.#performance.sale_closes_at);
    if (serverNow() >= closes) return { reason: "closed" };
    if (serverNow() < opens) return { reason: "not_open" };
    const claims = activeToken.claims();
    if (!claims) {
      const why = activeToken.whyOver();
      return why ? { reason: "turn_over", why } : { reason: "no_turn" };
    }
    if (claims.queue !== this.#performance.queue) return { reason: "other_queue" };
    return { allowed: true, until: claims.exp * 1000 };
  }

  async #hold() {
    if (!access.valid()) {
      this.#holdOnceSignedIn = true;
      account.askToSignIn("Sign in, and your seats are held at once.");
      return;
    }
    const chosen = this.#map.chosen;
    if (!chosen.length) return;
    const numbers = chosen.map((seat) => seat.number);
    if (this.#attempt.numbers !== numbers.join()) this.#attempt = { numbers: numbers.join(), key: api.newKey() };
    await this.#working(async () => {
      const held = await api.hold(this.#performance.id, numbers, this.#attempt.key);
      this.#attempt = { numbers: "", key: "" };
      this.#keep({ seats: chosen, amount: total(chosen), hold: held.id, expires_at: held.expires_at, keys: {} });
      this.#map.lock(numbers);
      this.#panel.announce(`${seatNumbers(numbers)} held for you until ${timeOfDay(held.expires_at)}.`);
      account.refreshWallet();
    });
  }

  /** Reserving is part of paying: until then the seats can simply be given back. */
  async #pay() {
    if (!access.valid()) {
      account.askToSignIn("Sign in to pay.");
      return;
    }
    await this.#working(async () => {
      if (!this.#booking.reservation) {
        this.#keepReservation(await api.reserve(this.#booking.hold, this.#key("reserve")));
      }
      await api.pay(this.#booking.reservation, this.#key("pay"));
      await this.#learnReservation();
    });
  }

  async #giveBack() {
    await this.#working(async () => {
      await api.giveHoldBack(this.#booking.hold);
      this.#drop("");
    });
  }

  /** Members take the site's word for who they are along. */
  async #takePlace(event) {
    if (!this.#performance.members_only) return;
    event.preventDefault();
    if (access.valid()) {
      await this.#goToLineAsMember();
    } else {
      this.#takePlaceOnceSignedIn = true;
      account.askToSignIn("This sale is for members. Sign in, and you take your place in the line at once.");
    }
  }

  async #goToLineAsMember() {
    await this.#working(async () => {
      const { queue, waiting_room_url: address } = this.#performance;
      const { join_token: token } = await api.joinToken(queue);
      location.assign(`${address}#join_token=${token}`);
    });
  }

  async #leave() {
    await this.#working(async () => {
      await turn.giveBack();
      this.#drop("");
    });
  }

  /** One step at a time, each with its refusals turned into what can be done about them. */
  async #working(step) {
    if (this.#busy) return;
    this.#busy = true;
    this.#panel.say("");
    this.render();
    try {
      await step();
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      await this.#refused(error);
    } finally {
      this.#busy = false;
      this.render();
    }
  }

  async #refused(refusal) {
    if (!refusal.undecided) this.#forgetKeys();
    const say = () => this.#panel.say(refusalInWords(refusal));
    if (refusal.code === "seats_taken" || refusal.code === "seats_blocked") {
      this.#map.markTaken(takenSeats(refusal));
      await this.#readHall();
      say();
    } else if (refusal.code.startsWith("active_token_")) {
      activeToken.end(refusalInWords(refusal));
      // Without a booking the panel itself says why.
      if (this.#booking) say();
      // A used turn may well have been used for this very payment.
      if (this.#booking?.reservation) await this.#learnReservation();
    } else if (refusal.status === 401) {
      account.sessionEnded();
    } else if (refusal.status === 402) {
      say();
      await account.refreshWallet();
    } else if (refusal.code === "already_reserved") {
      await this.#findReservation();
    } else if (refusal.code === "already_paid" || refusal.code === "not_awaiting_payment") {
      await this.#learnReservation();
    } else if (this.#booking && ENDS_BOOKING.includes(refusal.status)) {
      this.#drop(refusalInWords(refusal));
    } else {
      say();
    }
  }

  /** The hold became a reservation, and the answer that said so was lost. */
  async #findReservation() {
    try {
      const { items } = await api.reservations();
      const found = items.find((reservation) => reservation.hold === this.#booking.hold);
      if (!found) return;
      this.#keepReservation(found);
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      this.#panel.say(refusalInWords(error));
      return;
    }
    await this.#learnReservation();
  }

  /** What became of the reservation, whoever paid or cancelled it. */
  async #learnReservation() {
    let reservation;
    try {
      reservation = await api.reservation(this.#booking.reservation);
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      if (error.status === 404 || error.status === 403) this.#drop("");
      else if (error.status === 401) account.sessionEnded();
      else this.#panel.say(refusalInWords(error));
      return;
    }
    if (reservation.state === "confirmed") {
      this.#end(reservation);
    } else if (reservation.state === "expired") {
      this.#drop("The time to pay has run out, and the seats are free again.");
    } else if (reservation.state !== "awaiting_payment") {
      this.#drop("This reservation was cancelled.");
    }
  }

  /** Paid. The booking is kept, so that a reload shows the ticket again; the turn is used up. */
  #end(reservation) {
    this.#paid = true;
    this.#timers.forEach(clearInterval);
    activeToken.end(TURN_USED);
    this.#onPaid(reservation);
  }

  #tick() {
    if (this.#booking && !this.#busy && this.#secondsLeft() === 0) {
      // A payment in the last second may have won: only the API knows.
      if (this.#booking.reservation && access.valid()) this.#working(() => this.#learnReservation());
      else this.#drop("The time to pay has run out, and the seats are free again.");
    } else if (this.#booking) {
      this.#panel.showTime(this.#secondsLeft());
    } else if (!this.#busy) {
      this.render();
    }
  }

  async #readHall() {
    if (document.hidden || this.#booking || this.#paid) return;
    try {
      const { items } = await api.seats(this.#performance.id);
      const lost = this.#map.update(items);
      if (lost.length && !this.#busy) this.#panel.say(seatsTaken(lost));
    } catch (error) {
      // The next reading follows; until then the API refuses what is gone.
      if (!(error instanceof api.Refusal)) throw error;
    }
  }

  #drop(reason) {
    this.#booking = null;
    booking.forget(this.#performance.id);
    this.#map.unlock();
    this.#panel.say(reason);
    this.#readHall();
    this.render();
  }

  #keep(value) {
    this.#booking = value;
    booking.keep(this.#performance.id, value);
  }

  #keepReservation({ id, amount, expires_at }) {
    this.#keep({ ...this.#booking, reservation: id, amount, expires_at });
  }

  /** The key of a step, made once and stored before it is used: also a reload repeats the step and not its effect. */
  #key(step) {
    const keys = { ...this.#booking.keys };
    keys[step] ??= api.newKey();
    this.#keep({ ...this.#booking, keys });
    return keys[step];
  }

  /** A decided answer would be given again to its key, so the next press needs another. */
  #forgetKeys() {
    this.#attempt = { numbers: "", key: "" };
    if (this.#booking) this.#keep({ ...this.#booking, keys: {} });
  }

  #isShort() {
    const balance = account.walletBalance();
    return balance !== null && balance.amount < this.#booking.amount.amount;
  }

  #numbers() {
    return this.#booking.seats.map((seat) => seat.number);
  }

  #secondsLeft() {
    return Math.max(0, Math.ceil((Date.parse(this.#booking.expires_at) - serverNow()) / 1000));
  }
}
