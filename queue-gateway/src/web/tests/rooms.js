// The page for tests: a browser with tabs, in front of one gateway.

import { Progress } from "../progress.js";
import { Refusal } from "../refusal.js";
import { Room } from "../room.js";
import { ServerClock } from "../server-clock.js";
import { FakeBrowser, FakeStreams, fakeStorage } from "./fake-browser.js";
import { FakeGateway, waiting } from "./fake-gateway.js";
import { FakeView } from "./fake-view.js";
import { ManualRuntime, settled } from "./manual-runtime.js";

/** A browser with tabs on the page. The first leads; `hidden` says which are not seen. */
export async function rooms({
  joins = waiting(5, { fresh: true }),
  hidden = [false],
  storage = fakeStorage(),
  proofs,
} = {}) {
  const runtime = new ManualRuntime();
  const gateway = new FakeGateway();
  gateway.will("join", joins, joins instanceof Refusal ? joins : { ...joins, fresh: false });
  gateway.will("currentPlace", waiting(5));
  const browser = new FakeBrowser();
  const clock = new ServerClock(runtime.now);
  const tabs = [];
  for (const isHidden of hidden) {
    const tab = { view: new FakeView(), streams: new FakeStreams(), hidden: isHidden, wentTo: null };
    tab.progress = new Progress("demo", () => storage);
    tab.room = new Room({
      gateway,
      view: tab.view,
      tabs: browser.tab(),
      progress: tab.progress,
      clock,
      runtime,
      page: { isHidden: () => tab.hidden, goTo: (address) => (tab.wentTo = address) },
      openStream: tab.streams.open,
      proofs,
    });
    tab.room.begin();
    await settled();
    tabs.push(tab);
  }
  return { runtime, gateway, browser, clock, tabs, ...tabs[0] };
}
