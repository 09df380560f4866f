// The server's time: deadlines are its, and the clocks of people's machines are wrong by minutes.

let offset = 0;

/** In milliseconds, as far as the last answer told. */
export function serverNow() {
  return Date.now() + offset;
}

/** Learns the time from an answer. */
export function noteServerTime(response) {
  const date = Date.parse(response.headers.get("Date"));
  // The header has whole seconds; less than two say nothing.
  if (Number.isFinite(date)) offset = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
}
