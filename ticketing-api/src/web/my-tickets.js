// The signed-in member's own reservations, under the programme.

import * as api from "./api.js";
import { access, booking } from "./memory.js";
import { seatNumbers, when } from "./words.js";

/** `confirmed` opens the ticket, `awaiting_payment` the booking; the others are history. */
const SHOWN = { confirmed: "Show the ticket", awaiting_payment: "Go on to pay" };

/** Shows them, or takes them away where nobody is signed in. `evenings` are the performances known, by id. */
export async function showMyTickets(evenings) {
  const mine = access.valid() ? await read() : [];
  const entries = mine
    .filter(({ state, performance }) => SHOWN[state] && evenings.has(performance))
    .map((reservation) => entry(reservation, evenings.get(reservation.performance)));
  document.getElementById("my-reservations").replaceChildren(...entries);
  document.getElementById("my-tickets").hidden = entries.length === 0;
}

async function read() {
  try {
    return (await api.reservations()).items;
  } catch (error) {
    // They are an extra here; each is still found where it was bought.
    if (!(error instanceof api.Refusal)) throw error;
    return [];
  }
}

function entry(reservation, performance) {
  const item = document.createElement("li");
  const what = document.createElement("span");
  what.textContent = `${performance.title}, ${seatNumbers(reservation.seats.map((seat) => seat.number))}`;
  const date = document.createElement("span");
  date.className = "where";
  date.textContent = when(performance.starts_at);
  const link = document.createElement("a");
  link.href = `/performances/${performance.id}`;
  link.textContent = SHOWN[reservation.state];
  // The sale page picks up whatever booking of its evening it finds.
  link.addEventListener("click", () => booking.keep(performance.id, asBooking(reservation)));
  item.append(what, date, link);
  return item;
}

function asBooking({ id, hold, seats, amount, expires_at }) {
  return { reservation: id, hold, seats, amount, expires_at, keys: {} };
}
