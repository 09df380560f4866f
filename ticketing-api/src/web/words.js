// Money, dates and refusals as a person would say them. Pure functions, no document.

/** Minor units with their currency, as "₩120,000" or "€12.00". */
export function money({ amount, currency }) {
  return format(currency).format(amount / 10 ** digits(currency));
}

/** What somebody typed as an amount of this currency, in minor units; null when it is none. */
export function minorUnits(text, currency) {
  const plain = text.trim().replaceAll(/[\s,']/g, "");
  if (!/^\d+(\.\d+)?$/.test(plain)) return null;
  const [, fraction = ""] = plain.split(".");
  if (fraction.length > digits(currency)) return null;
  const units = Number(plain.replace(".", "")) * 10 ** (digits(currency) - fraction.length);
  return units > 0 && Number.isSafeInteger(units) ? units : null;
}

/** Minor units as somebody would type them. */
export function typed({ amount, currency }) {
  return (amount / 10 ** digits(currency)).toFixed(digits(currency));
}

/** The sum of priced seats. */
export function total(seats) {
  const amount = seats.reduce((sum, seat) => sum + seat.price.amount, 0);
  return { amount, currency: seats[0]?.price.currency };
}

/** "Friday, 12 June 2026 at 19:30 CEST", in the reader's own time: where the hall's clock stands is not in the data. */
export function when(instant) {
  return new Intl.DateTimeFormat("en-GB", {
    weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit",
    timeZoneName: "short",
  }).format(new Date(instant));
}

/** "19:30". */
export function timeOfDay(instant) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(new Date(instant));
}

/** Seconds as "4:05". */
export function countdown(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** "seat 3", "seats 3 and 4", "seats 3, 4 and 5". */
export function seatNumbers(numbers) {
  if (numbers.length === 1) return `seat ${numbers[0]}`;
  return `seats ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`;
}

function format(currency) {
  return new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "narrowSymbol" });
}

function digits(currency) {
  return format(currency).resolvedOptions().maximumFractionDigits;
}

/** How many seats may be chosen. */
export function upTo(most) {
  return most === 1 ? "One seat" : `Up to ${most} seats`;
}
