// The list of concerts, each with its evenings.

import * as api from "./api.js";
import { when } from "./words.js";

/** Shows what is on. */
export async function showCatalogue() {
  document.title = "Tickets";
  element("catalogue").hidden = false;
  note("One moment.");
  try {
    const { items } = await api.concerts();
    note(items.length ? "" : "Nothing is on sale at the moment.");
    element("concerts").replaceChildren(...items.map(entry));
    await Promise.all(items.map(addEvenings));
  } catch (error) {
    if (!(error instanceof api.Refusal)) throw error;
    note("The programme cannot be read at the moment. Please reload the page in a little while.");
  }
}

function entry(concert) {
  const item = document.createElement("li");
  item.id = `concert-${concert.id}`;
  const title = document.createElement("h2");
  title.textContent = concert.title;
  const where = document.createElement("p");
  where.className = "lead";
  where.textContent = [concert.category, concert.place].filter(Boolean).join(" \u00b7 ");
  item.append(title, where);
  return item;
}

async function addEvenings({ id }) {
  const { performances } = await api.concert(id);
  const list = document.createElement("ul");
  list.className = "evenings";
  list.append(...performances.map(evening));
  element(`concert-${id}`).append(list);
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
