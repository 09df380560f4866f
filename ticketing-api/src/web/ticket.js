// A paid reservation as a ticket.

import { money, seatNumbers, when } from "./words.js";

/** Puts the ticket into `place`. `onMore` is for visitors who want other seats as well. */
export function showTicket(place, reservation, performance, onMore) {
  const ticket = make("article", { id: "ticket", className: "ticket" });
  ticket.append(body(reservation, performance), stub(reservation));
  const heading = make("h1", { id: "ticket-title", tabIndex: -1, textContent: greeting(reservation) });
  const print = make("button", { type: "button", className: "button", textContent: "Print" });
  print.addEventListener("click", () => window.print());
  const more = make("button", { type: "button", className: "quiet", textContent: "Back to the hall" });
  more.addEventListener("click", onMore);
  const actions = make("p", { className: "actions" });
  actions.append(print, more);
  place.replaceChildren(heading, ticket, actions);
  heading.focus();
}

function body(reservation, performance) {
  const main = make("div", { className: "ticket-body" });
  main.append(
    make("p", { className: "ticket-title", textContent: performance.title }),
    make("p", { className: "ticket-when", textContent: when(performance.starts_at) }),
    make("p", { className: "ticket-where", textContent: performance.place ?? "" }),
    seatList(reservation.seats),
  );
  return main;
}

function seatList(seats) {
  const list = make("ul", { className: "ticket-seats" });
  list.append(...seats.map(({ number, section, grade }) => {
    const entry = make("li", {});
    entry.append(
      make("span", { className: "label", textContent: "Seat" }),
      make("strong", { textContent: String(number) }),
      make("span", { className: "label", textContent: `Section ${section}, ${grade}` }),
    );
    return entry;
  }));
  return list;
}

function stub(reservation) {
  const side = make("dl", { className: "ticket-stub" });
  const facts = [
    ["Reservation", reservation.id, "ticket-number"],
    ["Admits", String(reservation.seats.length), "ticket-admits"],
    ["Paid", money(reservation.amount), ""],
  ];
  for (const [term, text, className] of facts) {
    const fact = make("div", {});
    fact.append(make("dt", { textContent: term }), make("dd", { textContent: text, className }));
    side.append(fact);
  }
  return side;
}

function greeting({ seats }) {
  const words = seatNumbers(seats.map((seat) => seat.number));
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} ${seats.length === 1 ? "is" : "are"} yours`;
}

function make(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
