// The panel beside the hall: draws the step that the booking is in.

import * as account from "./account.js";
import { countdown, money, seatNumbers, timeOfDay, total, upTo, when } from "./words.js";

const REASONS = {
  no_turn: ["Tickets are sold in turn", "Everybody stands in one line. Take your place in it: when it is your turn, you come back here."],
  turn_over: ["Your turn is over", ""],
  other_queue: ["Your turn is for another sale", "This concert has a line of its own. Please take your place there."],
  not_open: ["The sale has not opened yet", ""],
  closed: ["The sale is over", ""],
};

export class Panel {
  #step = "";

  /**
   * `hold`, `pay`, `giveBack`, `leave` and `takePlace` are what the buttons do; leaving is asked about first. The way to the
   * waiting room is a link too, which `takePlace` may keep the browser from following.
   */
  constructor({ hold, pay, giveBack, leave, takePlace }) {
    element("to-waiting-room").addEventListener("click", takePlace);
    element("hold").addEventListener("click", hold);
    element("pay").addEventListener("click", pay);
    element("give-back").addEventListener("click", giveBack);
    const dialog = element("leave-dialog");
    element("leave").addEventListener("click", () => dialog.showModal());
    element("leave-form").addEventListener("submit", (event) => {
      event.preventDefault();
      dialog.close();
      leave();
    });
  }

  /** Not this visitor's turn, or not the time. `why` says it for a turn that is over. */
  showOutside(performance, reason, signedIn, why) {
    const [title, hint] = REASONS[reason];
    const opening = reason === "not_open" ? `It opens on ${when(performance.sale_opens_at)}.` : why ?? hint;
    const advice = reason === "no_turn" ? adviceFor(performance, signedIn) : "";
    this.#show("outside", title, opening + advice);
    if (["no_turn", "turn_over", "other_queue"].includes(reason)) showLine(performance);
    this.#list([]);
  }

  /** Seats are kept, but paying for them takes another turn. Call after `showKept`. */
  showTurnOver(performance) {
    element("pay").hidden = true;
    element("give-back").hidden = true;
    element("leave").hidden = true;
    showLine(performance);
  }

  /** Choosing at `most` so many. `until` is when the turn ends, in milliseconds. */
  showChoosing(seats, most, until, busy) {
    const title = seats.length ? "Your seats" : "Choose your seats";
    this.#show("choosing", title, `${upTo(most)}. Your turn lasts until ${timeOfDay(until)}.`);
    this.#list(seats);
    const hold = element("hold");
    hold.hidden = seats.length === 0;
    hold.textContent = busy ? "Holding\u2026" : seats.length === 1 ? "Hold this seat" : "Hold these seats";
    hold.disabled = busy;
    showLeave(busy);
  }

  /** Seats are kept: pay, or give them back. */
  showKept(booking, seconds, balance, busy) {
    const short = balance !== null && balance.amount < booking.amount.amount;
    const missing = short ? { ...balance, amount: booking.amount.amount - balance.amount } : null;
    const hint = balance === null ? "" : `Your wallet has ${money(balance)}.${short ? ` ${money(missing)} is missing.` : ""}`;
    this.#show("kept", "Held for you", hint);
    this.#list(booking.seats, booking.amount);
    this.showTime(seconds);
    element("countdown").hidden = false;
    const topUp = element("top-up-first");
    topUp.hidden = !short;
    if (short) topUp.textContent = `Top up ${money(missing)}`;
    topUp.onclick = () => account.askToTopUp(missing);
    const pay = element("pay");
    pay.hidden = false;
    pay.disabled = busy;
    pay.classList.toggle("second", short);
    pay.textContent = busy ? "One moment\u2026" : `Pay ${money(booking.amount)}`;
    element("give-back").hidden = Boolean(booking.reservation);
    element("give-back").disabled = busy;
    showLeave(busy);
  }

  /** The time that is left to pay. */
  showTime(seconds) {
    element("countdown").textContent = countdown(seconds);
    element("countdown").classList.toggle("late", seconds <= 60);
    if (seconds === 60) this.announce("One minute left to pay.");
  }

  /** A sentence that must not be missed; an empty one takes it away. */
  say(text) {
    element("notice").textContent = text;
    element("notice").hidden = !text;
  }

  /** A sentence for those who listen. */
  announce(text) {
    element("announcements").textContent = text;
  }

  #show(step, title, hint) {
    const changed = this.#step && this.#step !== step;
    this.#step = step;
    element("panel").dataset.step = step;
    setText("panel-title", title);
    setText("panel-hint", hint);
    element("countdown").hidden = true;
    for (const id of ["to-waiting-room", "hold", "top-up-first", "pay", "give-back", "leave"]) element(id).hidden = true;
    if (changed) this.announce(title);
  }

  #list(seats, amount = total(seats)) {
    element("chosen").replaceChildren(...seats.map(line));
    element("total").hidden = seats.length === 0;
    if (seats.length) element("total-amount").textContent = money(amount);
    element("chosen").setAttribute("aria-label", seats.length ? seatNumbers(seats.map((seat) => seat.number)) : "");
  }
}

function line(seat) {
  const entry = document.createElement("li");
  const name = document.createElement("span");
  name.textContent = `Seat ${seat.number}`;
  const where = document.createElement("span");
  where.className = "where";
  where.textContent = `Section ${seat.section}, ${seat.grade}`;
  const price = document.createElement("span");
  price.textContent = money(seat.price);
  entry.append(name, where, price);
  return entry;
}

function adviceFor(performance, signedIn) {
  if (performance.members_only) return " This sale is for members: your place is yours alone, on all your devices.";
  return signedIn ? "" : " Sign in first, and you lose no time then.";
}

function showLeave(busy) {
  element("leave").hidden = false;
  element("leave").disabled = busy;
}

function showLine({ waiting_room_url: address }) {
  // An address that runs as script would hand this page to whoever wrote the setting.
  if (!/^https?:\/\//.test(address ?? "")) return;
  element("to-waiting-room").href = address;
  element("to-waiting-room").hidden = false;
}

function setText(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function element(id) {
  return document.getElementById(id);
}
