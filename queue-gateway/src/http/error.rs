//! The one place where failures become problem documents.

use std::time::Duration;

use contract::{calls, tokens::TokenError};
use http::StatusCode;
use service::{address_limit::TooOften, problem::Problem};

use super::pause;
use crate::{
    engine::EngineError,
    line::{JoinRefused, Lane, NoJoins, Opening, Stats},
    members::JoinTokenError,
    waiting_room::Refusal,
};

/// Engine errors were counted where the engine was called, and an outage is logged once by the loops that meet it,
/// so that a rush during an outage does not fill the log as well.
impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unavailable(reason) => {
                tracing::debug!(reason, "a request failed because the queue store is unavailable");
                store_unavailable()
            }
            EngineError::NotConfigured(queue) => {
                tracing::debug!(%queue, "a request failed because the queue is not in the store yet");
                store_unavailable()
            }
            EngineError::Corrupt(reason) => {
                tracing::error!(reason, "the queue store holds unreadable data");
                Self::internal()
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unavailable => store_unavailable(),
            Refusal::Join(JoinRefused::Full) => line_full(),
            Refusal::Join(JoinRefused::NoJoins(reason)) => no_joins(reason),
            Refusal::Join(JoinRefused::InvitationUsed) => invitation_used(),
            Refusal::Join(JoinRefused::InvitationExpired) => invitation_expired(),
            Refusal::Claimed => slot_claimed(),
            Refusal::TooOften(TooOften { pause }) => asked_too_often(pause),
            Refusal::Engine(error) => error.into(),
        }
    }
}

/// The line has as many places as it may have.
fn line_full() -> Problem {
    let pause = Duration::from_secs(pause::drawn(30..=90));
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "line_full", "The line is full: please come back in a little while")
        .retry_after(pause)
}

/// The queue gives no new places at present.
fn no_joins(reason: NoJoins) -> Problem {
    match reason {
        NoJoins::Scheduled => Problem::new(
            StatusCode::CONFLICT,
            "queue_scheduled",
            "This queue is not open yet: please come back when joins are taken",
        ),
        NoJoins::Draining => {
            Problem::new(StatusCode::CONFLICT, "queue_draining", "This queue gives no new places any more")
        }
        NoJoins::Rejoining => store_unavailable().detail("the line is being given back to its store"),
        NoJoins::Closed => Problem::new(StatusCode::GONE, "queue_closed", "This queue is closed"),
    }
}

/// The same, with what a page shows of it: where the site is, and from when on joins of the lane are taken and its
/// visitors let in.
pub fn no_joins_at(reason: NoJoins, lane: Lane, site: &str, stats: &Stats) -> Problem {
    let problem = no_joins(reason).member("redirect_to", site);
    let (NoJoins::Scheduled, Some(joins_from)) = (reason, stats.control.joins_from(lane)) else { return problem };
    let left = Duration::try_from(joins_from.duration_since(stats.now)).unwrap_or_default();
    problem
        .member("joins_from", joins_from.to_string())
        .member("opening", if lane == Lane::General { stats.control.opening() } else { Opening::Fifo }.name())
        .member("opens_at", stats.control.admits_from(lane).map(|at| at.to_string()))
        .retry_after(left + Duration::from_secs(pause::drawn(1..=2)))
}

/// An order about a draw that would have no effect.
pub fn draw_refused(detail: &'static str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "draw_settled", "This change to the draw is not possible any more, or not yet")
        .detail(detail)
}

/// There is no draw, or no number of it.
pub fn no_draw(detail: &'static str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_draw", "There is nothing to see of a draw").detail(detail)
}

/// Somebody whose place has left the line asks again and again.
fn asked_too_often(pause: Duration) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests of one visitor").retry_after(pause)
}

/// A claimed slot is given up at the site.
pub fn slot_claimed() -> Problem {
    Problem::new(StatusCode::CONFLICT, "slot_claimed", "The site has claimed this slot, and ends it")
}

/// The client's network is kept out.
pub fn blocked() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "network_blocked", "Your network cannot call here at present")
}

/// Only members join here.
pub fn join_token_required() -> Problem {
    unauthorized("join_token_required", "This line is for members: please log in at the site first")
}

/// The join token of a join is of no use.
pub fn join_token_refused(reason: JoinTokenError) -> Problem {
    match reason {
        JoinTokenError::KeysUnavailable => store_unavailable().detail("the site's keys cannot be fetched"),
        JoinTokenError::Expired => {
            unauthorized("join_token_expired", "The join token has expired: the site signs another")
        }
        reason => unauthorized("join_token_invalid", "The join token is not valid").detail(reason.to_string()),
    }
}

/// This line is for everybody.
pub fn join_token_not_taken() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "join_token_not_taken",
        "This line is for everybody: join without a token",
    )
}

/// An invitation gives one place.
fn invitation_used() -> Problem {
    Problem::new(StatusCode::CONFLICT, "invitation_used", "This invitation has been used: it gives one place")
}

/// The time of an invitation is over.
pub fn invitation_expired() -> Problem {
    Problem::new(StatusCode::GONE, "invitation_expired", "This invitation has expired")
}

/// The invitation of a join is of no use.
pub fn invitation_invalid(reason: TokenError) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "invitation_invalid", "This invitation is not valid here")
        .detail(reason.to_string())
}

/// This queue has no priority lane.
pub fn invitation_not_taken() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invitation_not_taken",
        "Nobody is invited to this queue: join without an invitation",
    )
}

/// A newcomer must solve this challenge first: see `proof_of_work`.
pub fn proof_of_work_required(challenge: String, bits: u32) -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_REQUIRED,
        "proof_of_work_required",
        "Many people are joining: please solve the challenge first",
    )
    .detail("send the join again with the header Proof-Of-Work: <challenge>.<number>")
    .member("challenge", challenge)
    .member("bits", bits)
}

/// Another site's page had a browser call us.
pub fn cross_site() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "cross_site_request", "This call was made by another site's page")
}

/// The store, or this gateway's picture of it, is not there at the moment. Drawn at random, the pause keeps
/// everybody from coming back at once.
pub fn store_unavailable() -> Problem {
    let pause = Duration::from_secs(pause::drawn(1..=5));
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "The waiting room cannot be reached just now")
        .retry_after(pause)
}

/// Somebody who is not admitted asks whether the way to the site leads on.
pub fn not_admitted() -> Problem {
    Problem::new(StatusCode::CONFLICT, "not_admitted", "It is not your turn")
}

/// No queue of this name is configured.
pub fn queue_not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "queue_not_found", "There is no such queue")
}

/// The call needs a waiting token and has none.
pub fn waiting_token_missing() -> Problem {
    unauthorized("waiting_token_missing", "This call needs a waiting token: join first")
}

/// The waiting token of a call is of no use.
pub fn waiting_token_refused(error: TokenError) -> Problem {
    match error {
        TokenError::Expired => unauthorized("waiting_token_expired", "The waiting token has expired: join again"),
        _ => unauthorized("waiting_token_invalid", "The waiting token is not valid: join again")
            .detail(error.to_string()),
    }
}

/// The waiting token was signed by us for another queue.
pub fn waiting_token_of_another_queue() -> Problem {
    unauthorized("waiting_token_invalid", "The waiting token is not valid: join again")
        .detail("the token is for another queue")
}

/// An active token that does not open the site.
pub fn active_token_refused(reason: &'static str) -> Problem {
    unauthorized("active_token_required", "Please wait for your turn").detail(reason)
}

/// A call between services, or of an operator, without its key.
pub fn key_refused(code: &'static str) -> Problem {
    unauthorized(code, "This call needs a valid key")
}

/// No slot has this id.
pub fn token_not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, calls::TOKEN_NOT_FOUND, "There is no such active token")
}

/// The slot has ended.
pub fn token_gone() -> Problem {
    Problem::new(StatusCode::GONE, calls::TOKEN_GONE, "The slot was released, has expired or was not claimed in time")
}

/// The slot is another's.
pub fn token_held_by_another() -> Problem {
    Problem::new(StatusCode::CONFLICT, calls::TOKEN_HELD_BY_ANOTHER, "Somebody else has claimed this token")
}

fn unauthorized(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, title)
}
