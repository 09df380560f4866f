//! `DELETE /v1/queues/{queue}/tokens/current`: gives the place up, or the slot.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use service::{
    problem::Problem,
    rate_limit::{CallLimiter, LimitedCall, Within},
};

use super::{
    Gateway,
    rate_limits::RateLimits,
    request::{AskedQueue, HeldPlace, OwnPage},
};

/// Leaving is limited per address.
#[derive(Debug)]
pub(super) struct Leave;

impl LimitedCall<RateLimits> for Leave {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.leave
    }
}

/// Answers 204, also to somebody who has left before; 409 to somebody whose slot is claimed, since that is given up at
/// the site.
pub(super) async fn leave(
    State(gateway): State<Arc<Gateway>>,
    _own: OwnPage,
    _limit: Within<Leave>,
    queue: AskedQueue,
    HeldPlace(held): HeldPlace,
) -> Result<Response, Problem> {
    gateway.room.leave(&queue, held).await?;
    let forget = gateway.cookies.clear(&gateway.cookies.waiting_token(&queue.name));
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, forget)]).into_response())
}
