// Numbers and times as a person would say them. Pure functions, no document.

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
  return `${Math.floor(seconds / 60)}:${twoDigits(seconds % 60)}`;
}

/** Milliseconds as a countdown, "2 min 05 s", rounded up; never negative, and in one piece. */
export function countdownInWords(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const minutes = Math.ceil(seconds / 60);
  const hours = Math.ceil(minutes / 60);
  if (seconds < 60) return `${seconds}\u00a0s`;
  if (seconds < 60 * 60) return `${Math.floor(seconds / 60)}\u00a0min\u00a0${twoDigits(seconds % 60)}\u00a0s`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}\u00a0h\u00a0${twoDigits(minutes % 60)}\u00a0min`;
  const days = hours < 48 ? "1\u00a0day" : `${Math.floor(hours / 24)}\u00a0days`;
  return hours % 24 === 0 ? days : `${days}\u00a0${hours % 24}\u00a0h`;
}

/** The steps, in seconds, in which a countdown is spoken of. */
const STEPS = [
  [10, "10 seconds"],
  [30, "30 seconds"],
  [60, "a minute"],
  [2 * 60, "2 minutes"],
  [5 * 60, "5 minutes"],
  [10 * 60, "10 minutes"],
  [30 * 60, "30 minutes"],
  [60 * 60, "an hour"],
];

/** Milliseconds as "less than 5 minutes": few steps, for a voice that is to say each of them once. */
export function lessThanInWords(milliseconds) {
  const seconds = milliseconds / 1000;
  const hours = Math.ceil(seconds / 3600);
  const step = STEPS.find(([most]) => seconds <= most);
  if (step) return `less than ${step[1]}`;
  return hours <= 24 ? `less than ${hours} hours` : `less than ${Math.ceil(hours / 24)} days`;
}

/**
 * An instant by the visitor's own clock and calendar, "at 10:00", with the day unless it is today. `left` is how many
 * milliseconds from now it is.
 */
export function instantInWords(instant, left, { locale, timeZone } = {}) {
  const write = (at, parts) => new Intl.DateTimeFormat(locale, { ...parts, timeZone }).format(at);
  const isNow = (parts) => write(instant, parts) === write(instant - left, parts);
  const time = { hour: "numeric", minute: "2-digit" };
  const year = { year: "numeric" };
  if (isNow({ ...year, month: "numeric", day: "numeric" })) return `at ${write(instant, time)}`;
  const day = { weekday: "short", day: "numeric", month: "short", ...time };
  return `on ${write(instant, isNow(year) ? day : { ...day, ...year })}`;
}

/** A queue's slug as a name: "spring-tour" becomes "Spring tour". */
export function queueInWords(slug) {
  const words = slug.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function twoDigits(number) {
  return String(number).padStart(2, "0");
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
