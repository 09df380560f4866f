// What the page says in each situation: a headline and a sentence under it. Pure functions, no document.

import { awaitsDraw, isBeforeOpening } from "./next-step.js";
import {
  behindInWords,
  count,
  countdownInWords,
  instantInWords,
  lessThanInWords,
  minutesAndSeconds,
  waitInWords,
} from "./words.js";

const WE_TAKE_YOU = "We take you to the tickets when it is your turn.";

const INVITED = "Your invitation has been taken: your place counts among those who were invited.";

const STAY = "Please stay on this page: a second time we cannot keep your place.";

const NETWORK_HELD_BACK =
  "Few of the people called from your network went on to the tickets, so we let its visitors in one at a time. "
  + "Your place is kept. Another network, such as mobile data, may be faster.";

const DRAW =
  "At the opening everybody who is here gets a place in the line at random: coming earlier gains nothing. "
  + "Please stay on this page.";

/** It may wait for a public value that somebody has to tell us first, and newcomers see it too. */
const DRAWING = {
  title: "The places are being drawn",
  lead:
    "Everybody who was here at the opening gets a place in the line at random. This can take some minutes. "
    + "Please stay on this page.",
  wait: "soon",
};

const REJOINING = {
  lead:
    "The line is being put in order after a fault on our side. "
    + "Your place is kept; nobody is let in until that is done.",
  wait: "a moment",
};

const DRAINING = "Nobody new can join any more.";

const WARNINGS = {
  line: "Your place goes to the person behind you. If you come back later, you start at the end.",
  invited: "You give up your place, and your invitation gives no other.",
  draw: "You give up your number in the draw, and coming back does not bring it back.",
  draining: "Nobody new can join any more: you could not come back.",
};

/**
 * A place in the line. `line` is {state, reason, position, behind, wait, number, invited, paused, rejoining, draining,
 * refreshing, again}: `rejoining` while the gateways put the line in order, `draining` when nobody joins any more,
 * `again` when the visitor was called before and was away. Before the opening also {opening, opensAt, left, draw}: how,
 * when, in how many milliseconds, and what is published of the draw; null where that is not known.
 *
 * Facts that do not apply are empty. Where something is counted down, `step` is what is spoken of that.
 */
export function lineInWords(line) {
  const { title, lead: why, wait, step = null } = situation(line);
  const isBefore = isBeforeOpening(line);
  const isLast = line.draining === true && !isBefore;
  const lead = isLast ? `${why} ${DRAINING}` : why;
  const isDrawn = awaitsDraw(line);
  const expected = waitInWords(line.wait);
  const position = line.position ? count(line.position) : "\u2013";
  const number = line.number ? count(line.number) : "";
  const tab = isBefore ? openingInWords(line) : `${position} \u00b7 ${line.paused ? "Paused" : "Waiting room"}`;
  const spoken = [`${title}.`, lead];
  if (line.position) spoken.push(`Your place is ${position}.`);
  if (isDrawn && number) spoken.push(`Your number in the draw is ${number}.`);
  if (!wait) spoken.push(`Expected wait: ${expected}.`);
  if (step) spoken.push(step);
  return {
    title,
    lead,
    position,
    wait: wait ?? expected,
    waitLabel: isBefore ? "Opens in" : "Expected wait",
    behind: isDrawn ? "" : behindInWords(line.behind),
    number,
    hasOrder: !isDrawn,
    moves: !isBefore,
    tab,
    warning: WARNINGS[isLast ? "draining" : isDrawn ? "draw" : line.invited ? "invited" : "line"],
    step,
    topic: step || isLast || line.rejoining ? `${title}. ${lead}` : title,
    spoken: spoken.join(" "),
  };
}

function situation(line) {
  if (isBeforeOpening(line)) return beforeOpening(line);
  if (line.paused) {
    return { title: "The line is paused", lead: "Nobody is let in at the moment. Your place is kept.", wait: "paused" };
  }
  if (line.state === "parked") {
    const lead = line.reason === "network_held_back" ? NETWORK_HELD_BACK : "You are let in next.";
    return { title: "You are at the front, but held up", lead, wait: "not known" };
  }
  const next = line.position === 1;
  if (line.rejoining) {
    return { title: next ? "You are next" : "You are in the line", ...REJOINING };
  }
  if (line.refreshing) {
    const lead = "Your place is being refreshed. It is kept; what you see is the last we know.";
    return { title: next ? "You are next" : "You are in the line", lead, wait: "being refreshed" };
  }
  if (line.again) {
    const place = next ? "you are next again" : "you have a place near the front again";
    return {
      title: next ? "You are next again" : "You are near the front again",
      lead: `We called you, but you were away: ${place}. ${STAY}`,
    };
  }
  const where = line.invited ? "You are in the priority lane" : "You are in the line";
  return { title: next ? "You are next" : where, lead: line.invited ? `${INVITED} ${WE_TAKE_YOU}` : WE_TAKE_YOU };
}

function beforeOpening({ state, opening, opensAt, left, draw }) {
  const isPutOff = state === "scheduled";
  const isDraw = opening === "draw";
  const notYet = isDraw ? "You are in the draw" : "The sale has not begun yet";
  const title = isPutOff ? "The opening was put off" : notYet;
  const inOrder = `You keep your place, and the line moves from then on. ${WE_TAKE_YOU}`;
  const kept = isDraw ? `${DRAW}${decidedInWords(draw)}` : inOrder;
  if (opensAt === null) return { title, lead: `The time is not known yet. ${kept}`, wait: "not known yet" };
  if (left <= 0) return isDraw ? DRAWING : { title: "The sale is about to begin", lead: kept, wait: "a moment" };
  return {
    title,
    lead: `${isPutOff ? "The sale now begins" : "The sale begins"} ${instantInWords(opensAt, left)}. ${kept}`,
    wait: countdownInWords(left),
    step: `It opens in ${lessThanInWords(left)}.`,
  };
}

/** Whoever knows the outcome beforehand could choose it: people are told whether anybody can. */
function decidedInWords(draw) {
  if (!draw) return "";
  return draw.beacon_source
    ? ` The places follow from a value that nobody knows yet: ${draw.beacon_source}`
    : " No public value was named for this draw: whoever runs the sale could have known its outcome.";
}

/** For the tab: a time stays true while the timers of a hidden page sleep, a countdown would not. */
function openingInWords({ opensAt, left }) {
  return opensAt === null ? "Waiting room" : `Opens ${instantInWords(opensAt, left)} \u00b7 Waiting room`;
}

const JOINS_BY_ITSELF = "Please keep this page open: it takes your place in the line by itself";

const TIME_UNKNOWN = {
  title: "The waiting room is not open yet",
  lead: `The time is not known yet. ${JOINS_BY_ITSELF} as soon as it opens.`,
};

const OPENING = { title: "The waiting room is opening", lead: "One moment: we are taking your place in the line." };

/**
 * Joins are not taken yet. `joinsFrom` and `opensAt` are instants, `left` the milliseconds until joins are taken,
 * `opening` how those are let in who join before; null where they are not known.
 */
export function beforeJoinsInWords({ joinsFrom, opensAt, left, opening }) {
  const tab = openingInWords({ opensAt: joinsFrom, left });
  if (joinsFrom === null || left <= 0) {
    const { title, lead } = joinsFrom === null ? TIME_UNKNOWN : OPENING;
    return { title, lead, tab, step: null, topic: title, spoken: `${title}. ${lead}` };
  }
  const sale = opensAt > joinsFrom ? ` The sale begins ${instantInWords(opensAt, left + opensAt - joinsFrom)}.` : "";
  const fair = opening === "draw" ? " Places are drawn at the opening: coming earlier gains nothing." : "";
  const lead = `It opens ${instantInWords(joinsFrom, left)}.${sale}${fair} ${JOINS_BY_ITSELF} then.`;
  const opens = "The waiting room opens in";
  const step = `${opens} ${lessThanInWords(left)}.`;
  return { title: `${opens} ${countdownInWords(left)}`, lead, tab, step, topic: lead, spoken: `${step} ${lead}` };
}

/** The proof of work on the way to a place; `share` of what it takes on average, more than 1 where luck is bad. */
export function computingInWords(share) {
  // Only chance ends it, so it is never said to be done before it is.
  const percent = Math.min(99, Math.floor(share * 100));
  return {
    title: "Taking your place in the line",
    lead: "Many people are joining. Your browser has to do a short calculation first. Please keep this page open.",
    percent,
    done: share < 1 ? `${percent}\u00a0% of the usual work` : "More than the usual work: it is a matter of luck",
  };
}

const WAYS = {
  planned: "We are taking you to the tickets now.",
  going: "We are taking you to the tickets now.",
  late: "The tickets cannot be reached at the moment. We keep trying.",
  elsewhere: "The tickets are open in another tab of this browser.",
  open: "You can go to the tickets.",
};

/** The visitor's turn: `way` as `Turn` knows it, `left` the milliseconds for which the turn is kept. */
export function turnInWords({ way, left }) {
  // In the other tab the visitor has arrived, and this deadline is none any more.
  const kept = left > 0 && way !== "elsewhere" ? ` Your turn is kept for ${minutesAndSeconds(left)}.` : "";
  return { title: "It is your turn", lead: WAYS[way], kept };
}

const GONE = {
  left: { title: "You have left the line", lead: "Your place has gone to the next person." },
  no_show: {
    title: "Your turn has passed",
    lead: "We called you twice, and you did not come to the tickets in time. The turn has gone to the next person.",
  },
  not_claimed: {
    title: "Your turn has passed",
    lead: "You came to the tickets but did not log in there in time. The turn has gone to the next person.",
  },
  passed: {
    title: "The line has passed your place",
    lead: "This page was closed or offline when your turn came, and stayed so too long for us to keep your place.",
  },
  ended: {
    title: "Your time at the tickets is over",
    lead: "It was limited so that everybody gets a turn. Tickets that you have paid for are yours.",
  },
  revoked: {
    title: "Your turn was taken back",
    lead: "The organiser has ended it. If you think that this is a mistake, please ask them.",
  },
  released: {
    title: "Your visit is complete",
    lead: "You have paid, or left at the tickets. Tickets that you have paid for are yours.",
  },
};

const GONE_FOR_NO_KNOWN_REASON = {
  title: "You are no longer in the line",
  lead: "This browser has no place any more, or has forgotten it. If the place still exists, joining again finds it.",
};

/** Why there is no place any more, by the gateway's `reason`; null when it knows none. */
export function goneInWords(reason) {
  return (Object.hasOwn(GONE, reason ?? "") && GONE[reason]) || GONE_FOR_NO_KNOWN_REASON;
}

const TOO_LATE = {
  queue_draining: {
    title: "This sale takes nobody new any more",
    lead: "Those who are in the line already go on. No new places are given.",
  },
  queue_closed: {
    title: "The sale is closed",
    lead: "Nobody is let in any more. Tickets that you have paid for are yours.",
  },
};

/** The queue is over for everybody. */
export function closedInWords() {
  return TOO_LATE.queue_closed;
}

const REFUSED = {
  line_full: "The line is full. There is room again as soon as somebody leaves it.",
  store_unavailable: "The waiting room cannot be reached at the moment.",
  queue_not_found: "There is no waiting room at this address. Please check the link you followed.",
  network_blocked: "Your network cannot join at present. On another network you can.",
  join_token_required: "This line is for members. Please log in at the site first, and come here from there.",
  join_token_expired: "It took too long to get here from the site. Please go back to it, and come here once more.",
  join_token_invalid: "We could not tell who you are at the site. Please go back to it, and come here once more.",
  proof_of_work_required: "Your browser did not finish computing in time. Please try once more.",
  invitation_used: "This invitation has been used: it gives one place. You can join the line without it.",
  invitation_expired: "This invitation has expired. You can join the line without it.",
  invitation_invalid: "This invitation is not valid here. You can join the line without it.",
  slot_claimed: "You are at the tickets already. To give up your turn, please leave there.",
};

/** A refusal for a person. */
export function refusalInWords({ status, code }) {
  if (Object.hasOwn(REFUSED, code)) return REFUSED[code];
  if (status === 0) return "The waiting room cannot be reached at the moment.";
  if (status === 429) return "Too many requests came from your network.";
  if (status === 503) return "The waiting room is very busy.";
  return status >= 500
    ? "Something went wrong on our side."
    : "The waiting room did not accept the request. Please reload the page.";
}

/** Why the place could not be given up. */
export function leavingFailedInWords(refusal) {
  return Object.hasOwn(REFUSED, refusal.code) ? REFUSED[refusal.code] : "Leaving did not work. Please try once more.";
}

/** A refusal on the way to a place. With `seconds` the next try follows by itself in so many. */
export function troubleInWords(refusal, seconds) {
  if (refusal.comesTooLate) return TOO_LATE[refusal.code];
  const sentence = refusalInWords(refusal);
  if (refusal.needsSite) return { title: "Please come here from the site", lead: sentence };
  if (refusal.endsInvitation) return { title: "This invitation gives no place", lead: sentence };
  if (seconds === undefined) return { title: "The waiting room did not open", lead: sentence };
  const title = refusal.code === "line_full" ? "The line is full" : "One moment, please";
  return { title, lead: `${sentence} The next try follows in ${seconds}\u00a0s.`, sentence };
}
