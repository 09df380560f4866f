// The plan of the hall: every seat a button, grouped by section and grade, usable with a keyboard alone.

import { money } from "./words.js";

/** A seat with the gap beside it, in rem, as in the style sheet. */
const SEAT_PITCH = 2.9;
const STATE_WORDS = { available: "available", held: "held by somebody else", sold: "sold", blocked: "not for sale", mine: "yours" };

export class SeatMap {
  #root;
  #legend;
  #most;
  #onChange;
  #buttons = new Map();
  #seats = new Map();
  #chosen = new Set();
  #mine = new Set();
  #locked = false;

  /**
   * `most` seats may be chosen. `onChange(seats, full)` gets the chosen ones whenever they change; `full` when one more
   * was wanted than may be had.
   */
  constructor(root, legend, most, onChange) {
    this.#root = root;
    this.#legend = legend;
    this.#most = most;
    this.#onChange = onChange;
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("keydown", (event) => this.#moved(event));
    new ResizeObserver(() => this.#balanceRows()).observe(root);
  }

  /** The chosen seats, ascending. */
  get chosen() {
    return [...this.#chosen].sort((a, b) => a - b).map((number) => this.#seats.get(number));
  }

  /** Draws the hall. Done once: later states go through `update`. */
  draw(seats) {
    const groups = grouped(seats);
    const grades = [...new Set(seats.map((seat) => seat.grade))];
    this.#root.replaceChildren(...groups.map((group) => this.#section(group, grades.indexOf(group.grade))));
    this.#drawLegend(groups, grades);
    this.#balanceRows();
    this.update(seats);
  }

  /** Takes in fresh states. Returns the numbers that were chosen here and are gone. */
  update(seats) {
    for (const seat of seats) {
      this.#seats.set(seat.number, seat);
      this.#paint(seat.number);
    }
    return this.#dropLost();
  }

  /** The API says that these are taken, before the next reading of the hall does. */
  markTaken(numbers) {
    for (const number of numbers) {
      const seat = this.#seats.get(number);
      if (seat?.state === "available") seat.state = "held";
      this.#paint(number);
    }
    return this.#dropLost();
  }

  /** Seats kept for this visitor: shown as theirs, and nothing can be chosen until they are given back. */
  lock(numbers) {
    if (this.#locked && String(numbers) === String([...this.#mine])) return;
    this.#mine = new Set(numbers);
    this.#chosen.clear();
    this.#locked = true;
    this.#root.classList.add("locked");
    this.#repaint();
  }

  /** Choosing is open again. */
  unlock() {
    if (!this.#locked) return;
    this.#mine.clear();
    this.#locked = false;
    this.#root.classList.remove("locked");
    this.#repaint();
  }

  #section({ section, grade, seats }, gradeIndex) {
    const title = element("h3", "section-title");
    title.append(`Section ${section} `, element("span", "", `${grade}, ${money(seats[0].price)}`));
    const grid = element("div", "seats");
    grid.append(...seats.map((seat) => this.#button(seat, gradeIndex)));
    grid.firstChild.tabIndex = 0;
    const whole = element("section", "section");
    whole.setAttribute("aria-label", `Section ${section}, ${grade}`);
    whole.append(title, grid);
    return whole;
  }

  #button(seat, gradeIndex) {
    const button = element("button", "seat", String(seat.number));
    button.type = "button";
    button.id = `seat-${seat.number}`;
    button.dataset.grade = String(gradeIndex % 5);
    // One stop of the tab key for each section: nobody walks through thousands of seats. Arrows move inside.
    button.tabIndex = -1;
    this.#buttons.set(seat.number, button);
    return button;
  }

  /** Rows of like length: twenty seats where fifteen fit are two rows of ten, as a hall would have them. */
  #balanceRows() {
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const most = Math.max(1, Math.floor(this.#root.clientWidth / (SEAT_PITCH * rem)));
    for (const grid of this.#root.querySelectorAll(".seats")) {
      const count = grid.children.length;
      const columns = Math.ceil(count / Math.ceil(count / most));
      grid.style.maxWidth = `${columns * SEAT_PITCH}rem`;
    }
  }

  #paint(number) {
    const button = this.#buttons.get(number);
    const seat = this.#seats.get(number);
    if (!button || !seat) return;
    const state = this.#mine.has(number) ? "mine" : seat.state;
    const chosen = this.#chosen.has(number);
    const look = `${state} ${chosen} ${this.#locked}`;
    // A hall of thousands is read again every few seconds; only what changed touches the document.
    if (button.dataset.look === look) return;
    button.dataset.look = look;
    button.dataset.state = chosen ? "chosen" : state;
    button.setAttribute("aria-pressed", String(chosen || state === "mine"));
    // Not `disabled`: a seat that is gone can still be found and read by whoever walks the plan with a keyboard.
    button.setAttribute("aria-disabled", String(this.#locked || (state !== "available" && !chosen)));
    button.setAttribute("aria-label", `Seat ${number}, ${seat.grade}, ${money(seat.price)}, ${STATE_WORDS[state]}`);
  }

  #repaint() {
    for (const number of this.#buttons.keys()) this.#paint(number);
  }

  #dropLost() {
    const lost = [...this.#chosen].filter((number) => this.#seats.get(number).state !== "available");
    for (const number of lost) {
      this.#chosen.delete(number);
      this.#paint(number);
    }
    if (lost.length) this.#onChange(this.chosen, false);
    return lost;
  }

  #clicked(event) {
    const button = event.target.closest(".seat");
    if (!button || this.#locked) return;
    const number = Number(button.textContent);
    this.#becomeStop(button);
    if (this.#chosen.delete(number)) {
      this.#paint(number);
      this.#onChange(this.chosen, false);
      return;
    }
    if (this.#seats.get(number).state !== "available") return;
    const full = this.#chosen.size >= this.#most;
    if (!full) this.#chosen.add(number);
    this.#paint(number);
    this.#onChange(this.chosen, full);
  }

  #moved(event) {
    const button = event.target.closest(".seat");
    const next = button && neighbour(button, event.key);
    if (!next) return;
    event.preventDefault();
    this.#becomeStop(next);
    next.focus();
  }

  #becomeStop(button) {
    for (const other of button.parentElement.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    button.tabIndex = 0;
  }

  #drawLegend(groups, grades) {
    const entries = grades.map((grade, index) => {
      const prices = groups.filter((group) => group.grade === grade).map((group) => group.seats[0].price);
      const lowest = prices.reduce((low, price) => (price.amount < low.amount ? price : low));
      const from = prices.some((price) => price.amount !== lowest.amount) ? "from " : "";
      return legendEntry(`${grade} ${from}${money(lowest)}`, { grade: String(index % 5), state: "available" });
    });
    const states = [["Yours", "chosen"], ["Held", "held"], ["Sold", "sold"]];
    entries.push(...states.map(([name, state]) => legendEntry(name, { state })));
    this.#legend.replaceChildren(...entries);
  }
}

function grouped(seats) {
  const groups = new Map();
  for (const seat of seats) {
    const key = JSON.stringify([seat.section, seat.grade, seat.price.amount]);
    if (!groups.has(key)) groups.set(key, { section: seat.section, grade: seat.grade, seats: [] });
    groups.get(key).seats.push(seat);
  }
  return [...groups.values()];
}

/** The seat that an arrow key leads to; rows are where the page happens to break them. */
function neighbour(button, key) {
  const all = [...button.parentElement.children];
  const index = all.indexOf(button);
  const firstOfNextRow = all.findIndex((other) => other.offsetTop > all[0].offsetTop);
  const columns = firstOfNextRow < 0 ? all.length : firstOfNextRow;
  const target = {
    ArrowLeft: index - 1,
    ArrowRight: index + 1,
    ArrowUp: index - columns,
    ArrowDown: index + columns,
    Home: 0,
    End: all.length - 1,
  }[key];
  return target === undefined ? null : all[target] ?? null;
}

function legendEntry(text, data) {
  const sample = element("span", "seat sample");
  Object.assign(sample.dataset, data);
  sample.setAttribute("aria-hidden", "true");
  const entry = element("span", "legend-entry");
  entry.append(sample, text);
  return entry;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
