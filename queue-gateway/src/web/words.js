// Numbers as a person would say them. Pure functions, no document.

const counts = new Intl.NumberFormat("en");

/** 12345 as "12,345". */
export function count(number) {
  return counts.format(number);
}

/** How many stand behind, in words. */
export function behindInWords(behind) {
  if (behind === 0) return "nobody yet";
  return behind === 1 ? "1 person" : `${count(behind)} people`;
}

/** The estimate as a range. Both ends are rounded up: to promise less and keep it is the better mistake. */
export function waitInWords(wait) {
  if (!wait) return "not known yet";
  if (wait.p90 <= 10) return "a few seconds";
  if (wait.p90 <= 60) return "less than a minute";
  if (wait.p90 <= 90 * 60) return range(minutes(wait.p50), minutes(wait.p90), "minute");
  return range(halfHours(wait.p50), halfHours(wait.p90), "hour");
}

/** Milliseconds as "0:42", rounded up; never negative. */
export function minutesAndSeconds(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A queue's slug as a name: "spring-tour" becomes "Spring tour". */
export function queueInWords(slug) {
  const words = slug.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Long waits move in steps of five minutes: finer figures would claim a precision that nobody has. */
function minutes(seconds) {
  const exact = Math.max(1, Math.ceil(seconds / 60));
  return exact > 20 ? Math.ceil(exact / 5) * 5 : exact;
}

function halfHours(seconds) {
  return Math.max(0.5, Math.ceil(seconds / 1800) / 2);
}

function range(low, high, unit) {
  const many = high === 1 ? unit : `${unit}s`;
  return low >= high ? `about ${written(high)} ${many}` : `about ${written(low)}\u2013${written(high)} ${many}`;
}

function written(number) {
  const whole = Math.floor(number);
  if (number === whole) return String(whole);
  return whole === 0 ? "\u00bd" : `${whole}\u00bd`;
}
