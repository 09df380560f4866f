// A view for tests.

/** Remembers what was shown last of each kind. */
export class FakeView {
  shown = {};
  leaves = true;

  showJoining = () => this.#scene({ scene: "joining" });
  showBeforeJoins = (times) => this.#scene({ scene: "scheduled", ...times });
  showWaiting = (line) => this.#scene({ scene: "waiting", ...line });
  showAdmitted = (turn, entrance) => this.#scene({ scene: "admitted", ...turn, entrance });
  showGone = (reason) => this.#scene({ scene: "gone", reason });
  showClosed = (site) => this.#scene({ scene: "closed", site });
  showComputing = (share) => this.#scene({ scene: "computing", share });
  showTrouble = (refusal, seconds, site) => this.#scene({ scene: "trouble", code: refusal.code, seconds, site });
  showConnection = (connection) => (this.connection = connection);
  showMessage = (message) => (this.message = message ?? null);
  showNotice = (notice) => (this.notice = notice);
  showQueue = (name) => (this.queue = name);
  confirmLeaving = async () => this.leaves;
  stopAsking() {}
  focusHeadline() {}

  #scene(scene) {
    this.shown = scene;
  }
}
