// The list of concerts, each with its evenings.

import * as api from "./api.js";
import { activeToken } from "./memory.js";
import { showMyTickets } from "./my-tickets.js";
import { timeOfDay, when } from "./words.js";

/** The evenings that are shown, by id. */
let evenings = new Map();

/** Somebody signed in or out. */
export const catalogueMemberChanged = () => showMyTickets(evenings);

/** The turn has turned out to be over. */
export function catalogueTurnOver() {
  note(activeToken.whyOver());
}

/** Shows what is on. `arrived` is true for a visitor whom the waiting room has just sent. */
export async function showCatalogue(arrived) {
  document.title = "Tickets";
  element("catalogue").hidden = false;
  note("One moment.");
  try {
    const { items } = await api.concerts();
    const only = arrived && (await onlyEveningOfTurn(items));
    if (only) {
      // Seconds count for whoever was just let in, and there is nothing to choose here.
      location.replace(`/performances/${only.id}`);
      return;
    }
    const concerts = await Promise.all(items.map(({ id }) => api.concert(id)));
    note(concerts.length ? turnNote(concerts) : "Nothing is on sale at the moment.");
    element("concerts").replaceChildren(...concerts.map(entry));
    evenings = new Map(concerts.flatMap(({ performances }) => performances).map((one) => [one.id, one]));
    await showMyTickets(evenings);
  } catch (error) {
    if (!(error instanceof api.Refusal)) throw error;
    note("The programme cannot be read at the moment. Please reload the page in a little while.");
  }
}

function entry(concert) {
  const item = document.createElement("li");
  const title = document.createElement("h2");
  title.textContent = concert.title;
  const where = document.createElement("p");
  where.className = "lead";
  where.textContent = [concert.category, concert.place].filter(Boolean).join(" \u00b7 ");
  const list = document.createElement("ul");
  list.className = "evenings";
  list.append(...concert.performances.map(evening));
  item.append(title, where, list);
  return item;
}

async function onlyEveningOfTurn(items) {
  const [mine, another] = ofTurn(items);
  if (!mine || another) return null;
  const { performances } = await api.concert(mine.id);
  return performances.length === 1 ? performances[0] : null;
}

function turnNote(concerts) {
  const why = activeToken.whyOver();
  if (why) return why;
  const mine = ofTurn(concerts);
  if (!mine.length) return "";
  const until = timeOfDay(activeToken.claims().exp * 1000);
  return `It is your turn until ${until}: choose an evening of ${mine.map(({ title }) => title).join(" or ")}.`;
}

function ofTurn(concerts) {
  const queue = activeToken.claims()?.queue;
  return concerts.filter((concert) => concert.queue === queue);
}

function evening(performance) {
  const link = document.createElement("a");
  link.href = `/performances/${performance.id}`;
  link.textContent = when(performance.starts_at);
  const item = document.createElement("li");
  item.append(link);
  return item;
}

function note(text) {
  element("catalogue-note").textContent = text;
}

function element(id) {
  return document.getElementById(id);
}
