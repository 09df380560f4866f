// The turn: kept while its visitor is here, and given back when they wish.

import * as api from "./api.js";
import { activeToken, booking } from "./memory.js";
import { refusalInWords, turnBecause } from "./refusals.js";

/** Tells the ticket office that the visitor is here. Resolves to whether that showed the turn to be over. */
export async function arrive() {
  if (!activeToken.claims()) return false;
  try {
    await api.arrive();
    return false;
  } catch (error) {
    if (!(error instanceof api.Refusal)) throw error;
    // Whatever else went wrong says nothing of the turn.
    if (!error.code.startsWith("active_token_")) return false;
    activeToken.end(refusalInWords(error));
    return true;
  }
}

/** Gives the turn back, with all seats that are kept under it. */
export async function giveBack() {
  try {
    await api.leave();
  } catch (error) {
    // Over is over, whoever ended it.
    if (error.status !== 410) throw error;
  }
  booking.forgetAll();
  activeToken.end(turnBecause("left"));
}
