//! `POST /v1/queues/{queue}/tokens`: takes a place, or finds the one that the visitor has.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use contract::ids::{ActiveTokenId, VisitorId};
use service::{
    problem::Problem,
    rate_limit::{CallLimiter, LimitedCall, Within},
};

use super::{
    Gateway,
    rate_limits::RateLimits,
    reply,
    request::{AskedQueue, HeldPlace, NoContent},
};
use crate::line::{Place, Standing};

/// Joins are limited per address.
#[derive(Debug)]
pub(super) struct Join;

impl LimitedCall<RateLimits> for Join {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.join
    }
}

/// Answers 201 with a new place and 200 with the old one. The visitor is whoever his waiting token says; a token that
/// is broken, expired or of another queue is no reason to refuse a place, so he gets a new one.
pub(super) async fn join(
    State(gateway): State<Arc<Gateway>>,
    _limit: Within<Join>,
    queue: AskedQueue,
    held: Option<HeldPlace>,
    NoContent: NoContent,
) -> Result<Response, Problem> {
    // Asked first: who cannot be told his position shall not be given a place that he would not learn of.
    let known = queue.stats()?;
    let visitor = held.map_or_else(|| VisitorId::generate(&*gateway.clock), |held| held.visitor);
    let candidate = ActiveTokenId::generate(&*gateway.clock);

    let joined = gateway.engine.join(&queue.name, visitor, held.map(|held| held.place), candidate).await?;

    let status = if joined.fresh {
        queue.metrics.joins_new.inc();
        StatusCode::CREATED
    } else {
        queue.metrics.joins_same.inc();
        StatusCode::OK
    };
    if let Standing::Admitted { admission, .. } = joined.standing
        && admission.token == candidate
    {
        queue.metrics.admitted.inc();
    }
    let message = known.control.message.as_deref();
    let mut document = reply::document(&gateway, &queue, message, visitor, joined.epoch, joined.standing).await?;
    let cookie = reply::seq_of(joined.standing).map(|seq| {
        let place = Place { epoch: joined.epoch, seq };
        let (token, cookie) = gateway.signed_place(&queue.name, visitor, place);
        document.waiting_token = Some(token);
        cookie
    });
    Ok(reply::place(status, &document, cookie))
}
