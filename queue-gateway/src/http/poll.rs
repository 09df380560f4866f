//! `GET /v1/queues/{queue}/tokens/current`: where the visitor stands, for clients without a stream.
//!
//! While they wait the answer comes from this gateway's own mirror of the line, brought up to date by a reading that
//! all who ask at this moment share.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use http::StatusCode;
use service::{
    problem::Problem,
    rate_limit::{CallLimiter, LimitedCall, Within},
};

use super::{
    Gateway,
    rate_limits::RateLimits,
    reply,
    request::{AskedQueue, CalledFrom, HeldPlace, OwnPage},
};
use crate::documents::Notice;

/// Polls are limited per address.
#[derive(Debug)]
pub(super) struct Poll;

impl LimitedCall<RateLimits> for Poll {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.poll
    }
}

/// Answers with the place document and says in `Retry-After` when to ask again.
pub(super) async fn poll(
    State(gateway): State<Arc<Gateway>>,
    _own: OwnPage,
    _limit: Within<Poll>,
    queue: AskedQueue,
    CalledFrom(client): CalledFrom,
    HeldPlace(held): HeldPlace,
) -> Result<Response, Problem> {
    let stats = queue.stats()?;
    let answer = gateway.room.poll(&queue, held, client).await?;
    let document = reply::document(&gateway, &queue, Notice::of(&stats), &answer);
    let pause = HeaderValue::from(document.poll_after_seconds);
    let renewed = answer.place.filter(|_| answer.renew);
    let token = renewed.map(|place| gateway.signed_place(&queue.name, answer.holder, place));
    let cookie = token.map(|token| gateway.place_cookie(&queue.name, &token));
    let mut response = reply::place(StatusCode::OK, &document, cookie);
    response.headers_mut().insert(header::RETRY_AFTER, pause);
    Ok(response)
}
