// The waiting-room page: gives the room what it needs of the browser, and tells it what the browser and the visitor do.

import { FragmentWord } from "./fragment-word.js";
import { Gateway } from "./gateway.js";
import { Progress } from "./progress.js";
import { ProofOfWork } from "./proof-of-work.js";
import { Room } from "./room.js";
import { runtime } from "./runtime.js";
import { ServerClock } from "./server-clock.js";
import { Tabs } from "./tabs.js";
import { View } from "./view.js";
import { queueInWords } from "./words.js";

const queue = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const name = `waiting-room:${queue}`;
const isHidden = () => document.hidden;
const clock = new ServerClock(runtime.now);
const joinToken = new FragmentWord("join_token");
const invitation = new FragmentWord("invitation");
const showAddress = (address) => history.replaceState(history.state, "", address);
/** Returns whether any word was brought. */
const takeWords = () => [joinToken, invitation].filter((word) => word.take(location, showAddress)).length > 0;
const gateway = new Gateway({
  queue,
  clock,
  runtime,
  fetch: (address, options) => fetch(address, options),
  joinToken,
  invitation,
});
const view = new View(document, runtime.now);
const work = new ProofOfWork({
  view,
  runtime,
  openWorker: () => new Worker(new URL("./puzzle-worker.js", import.meta.url), { type: "module" }),
});
const room = new Room({
  gateway,
  view,
  tabs: new Tabs({
    name,
    locks: navigator.locks ?? null,
    channel: "BroadcastChannel" in window ? new BroadcastChannel(name) : null,
    runtime,
    isHidden,
  }),
  progress: new Progress(queue, () => localStorage),
  clock,
  runtime,
  page: { isHidden, goTo: (address) => location.replace(address) },
  openStream: () => new EventSource(gateway.streamAddress),
  proofs: {
    proof_of_work_required: (problem, signal) => work.prove(problem, signal),
    // This line is for everybody: the next join comes without the token, and needs nothing else.
    join_token_not_taken() {
      joinToken.drop();
      return {};
    },
    // Nobody is invited to this queue any more.
    invitation_not_taken() {
      invitation.drop();
      return {};
    },
  },
});

view.showQueue(queueInWords(queue));
view.onPress("leave", () => room.leave());
view.onPress("try-again", () => room.joinAgain());
view.onPress("join-again", () => room.joinAgain());
document.addEventListener("visibilitychange", () => document.hidden || room.wake(false));
window.addEventListener("pagehide", () => room.rest());
window.addEventListener("pageshow", (event) => event.persisted && room.wake(true));
window.addEventListener("online", () => room.wake(false));
// A link of the site to the page that is open already changes the fragment alone.
window.addEventListener("hashchange", () => takeWords() && room.wake(true));
takeWords();
room.begin();
