// A gateway's no, or no answer at all.

/** `status` is 0 when no answer came; `problem` is the gateway's document, where it sent one. */
export class Refusal extends Error {
  constructor(status, problem, retryAfterSeconds) {
    super(problem?.title ?? "no answer");
    this.status = status;
    this.code = problem?.code ?? "";
    this.problem = problem ?? {};
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether asking again later can help without the visitor doing anything. */
  get passes() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** Only the site can help: it sends its members here with its word for who they are. */
  get needsSite() {
    return ["join_token_required", "join_token_expired", "join_token_invalid"].includes(this.code);
  }

  /** The invitation gives no place. Joining without it may. */
  get endsInvitation() {
    return this.code.startsWith("invitation_");
  }

  /** Joins are not taken yet; the document tells when they are. */
  get comesTooEarly() {
    return this.code === "queue_scheduled";
  }

  /** The queue gives no place any more, unless the operator thinks better of it. */
  get comesTooLate() {
    return this.code === "queue_draining" || this.code === "queue_closed";
  }

  /**
   * The gateway itself says that this browser proves no place, or that there is no such queue. The same status without
   * our code is a word of some proxy on the way, which may think better of it.
   */
  get endsPlace() {
    return this.code.startsWith("waiting_token_") || this.code === "queue_not_found";
  }
}
