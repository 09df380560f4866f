//! `POST /v1/queues/{queue}/tokens`: takes a place, or finds the one that the visitor has.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use service::{
    problem::Problem,
    rate_limit::{CallLimiter, LimitedCall, Within},
};

use super::{
    Gateway, error,
    joiner::JoinedBy,
    rate_limits::RateLimits,
    reply,
    request::{AskedQueue, CalledFrom, Keeps, OwnPage},
};
use crate::{
    documents::Notice,
    line::{JoinRefused, Lane},
    waiting_room::{Answer, Queue, Refusal},
};

/// Joins are limited per address.
#[derive(Debug)]
pub(super) struct Join;

impl LimitedCall<RateLimits> for Join {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.join
    }
}

/// Answers 201 with a new place and 200 with the old one.
///
/// Whoever has no identity yet is given one, also with a refusal: the join that follows is the same visitor's.
pub(super) async fn join(
    State(gateway): State<Arc<Gateway>>,
    OwnPage { keeps }: OwnPage,
    _limit: Within<Join>,
    queue: AskedQueue,
    CalledFrom(client): CalledFrom,
    JoinedBy { joiner, proven, invitation, identity }: JoinedBy,
) -> Response {
    let lane = if invitation.is_some() { Lane::Invited } else { Lane::General };
    if let Some(asked) = queue.proof_of_work.as_ref().filter(|asked| !proven && asked.is_needed()) {
        // Nobody shall compute for a place that is not given.
        if let Some(refused) = no_joins_now(&gateway, &queue, lane) {
            return with_cookie(refused, identity);
        }
        let (challenge, bits) = asked.challenge(&queue.name, joiner.visitor(), gateway.clock.now());
        return with_cookie(error::proof_of_work_required(challenge, bits).into_response(), identity);
    }
    let response = match gateway.room.join(&queue, joiner, invitation, client).await {
        Ok(answer) => given(&gateway, &queue, &answer, keeps),
        Err(Refusal::Join(JoinRefused::NoJoins(reason))) => queue
            .stats()
            .map(|stats| error::no_joins_at(reason, lane, gateway.documents.site(&queue.name), &stats).into_response()),
        Err(refusal) => Err(refusal),
    };
    with_cookie(response.unwrap_or_else(|refusal| Problem::from(refusal).into_response()), identity)
}

/// The refusal of a queue that gives no new places, as of the last step.
fn no_joins_now(gateway: &Gateway, queue: &Queue, lane: Lane) -> Option<Response> {
    let stats = queue.stats().ok()?;
    let reason = stats.control.no_joins(lane, stats.now)?;
    Some(error::no_joins_at(reason, lane, gateway.documents.site(&queue.name), &stats).into_response())
}

/// The place that a join gave or found.
fn given(gateway: &Gateway, queue: &Queue, answer: &Answer, keeps: Keeps) -> Result<Response, Refusal> {
    let stats = queue.stats()?;
    let mut document = reply::document(gateway, queue, Notice::of(&stats), answer);
    let token = answer.place.map(|place| gateway.signed_place(&queue.name, answer.holder, place));
    let cookie = token.as_ref().filter(|_| keeps != Keeps::ByItself);
    let cookie = cookie.map(|token| gateway.place_cookie(&queue.name, token));
    document.waiting_token = token.filter(|_| keeps != Keeps::InCookie);
    let code = if answer.fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok(reply::place(code, &document, cookie))
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
