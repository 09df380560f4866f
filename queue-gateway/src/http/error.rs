//! The one place where failures become problem documents.

use std::time::Duration;

use contract::{calls, tokens::TokenError};
use http::StatusCode;
use service::problem::Problem;

use super::pause;
use crate::engine::EngineError;

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

/// The store, or this gateway's picture of it, is not there at the moment. Drawn at random, the pause keeps
/// everybody from coming back at once.
pub fn store_unavailable() -> Problem {
    let pause = Duration::from_secs(pause::drawn(1..=5));
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "The waiting room cannot be reached just now")
        .retry_after(pause)
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
