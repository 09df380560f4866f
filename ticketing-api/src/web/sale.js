// The sale page: the list of concerts at "/", the sale of one evening at "/performances/{id}".

import * as account from "./account.js";
import * as api from "./api.js";
import { catalogueMemberChanged, catalogueTurnOver, showCatalogue } from "./catalogue.js";
import { Checkout } from "./checkout.js";
import { activeToken, booking } from "./memory.js";
import { SeatMap } from "./seat-map.js";
import { showTicket } from "./ticket.js";
import * as turn from "./turn.js";
import { when } from "./words.js";

const element = (id) => document.getElementById(id);

/** Null at "/" and until the performance is known. */
let checkout = null;

async function openPerformance(id) {
  element("performance").hidden = false;
  element("sale").hidden = true;
  let performance;
  let seats;
  try {
    [performance, { items: seats }] = await Promise.all([api.performance(id), api.seats(id)]);
    // The hall's name belongs to the concert.
    performance.place ??= (await api.concert(performance.concert)).place;
  } catch (error) {
    if (!(error instanceof api.Refusal)) throw error;
    showNothing(error);
    return;
  }
  showHead(performance);
  await startSale(performance, seats);
}

function showHead(performance) {
  document.title = `${performance.title} \u00b7 Tickets`;
  element("performance-title").textContent = performance.title;
  element("performance-when").textContent = `${when(performance.starts_at)}, ${performance.place}`;
}

async function startSale(performance, seats) {
  element("sale").hidden = false;
  const most = performance.max_seats_per_member;
  const map = new SeatMap(element("seat-map"), element("legend"), most, (chosen, full) => checkout.chose(chosen, full));
  map.draw(seats);
  checkout = new Checkout(performance, map, (reservation) => showPaid(reservation, performance));
  await checkout.resume();
}

function showPaid(reservation, performance) {
  element("sale").hidden = true;
  document.querySelector(".title").hidden = true;
  showTicket(element("ticket-place"), reservation, performance, () => {
    booking.forget(performance.id);
    location.reload();
  });
  account.refreshWallet();
}

function showNothing(refusal) {
  const unknown = refusal.status === 404 || refusal.status === 400;
  element("performance-title").textContent = unknown ? "There is no such evening" : "One moment, please";
  element("performance-when").textContent = unknown
    ? "Please choose from the list of concerts."
    : "The ticket office cannot be reached. Please reload the page in a little while.";
}

function begin() {
  const arrived = activeToken.takeFromAddress();
  window.addEventListener("hashchange", () => {
    if (!activeToken.takeFromAddress()) return;
    checkout?.render();
    keepTurn();
  });
  account.begin({
    onSignedIn: () => (checkout ? checkout.memberChanged() : catalogueMemberChanged()),
    onBalance: () => checkout?.balanceChanged(),
  });
  const [, kind, id] = location.pathname.split("/");
  if (kind === "performances" && id) openPerformance(id);
  else showCatalogue(arrived);
  keepTurn();
}

/** Says that the visitor is here, once for each page and each turn. */
async function keepTurn() {
  if (!(await turn.arrive())) return;
  if (checkout) checkout.render();
  else if (!element("catalogue").hidden) catalogueTurnOver();
}

begin();
