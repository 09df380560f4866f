//! `GET /v1/queues/{queue}/draw`, what is published of a draw, and `.../draw/receipt`, a visitor's signed number.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use service::{
    problem::{Json, Problem},
    rate_limit::{CallLimiter, LimitedCall, Within},
};

use super::{
    Gateway, error,
    rate_limits::RateLimits,
    request::{AskedQueue, HeldPlace, OwnPage},
};
use crate::{
    draw::{PublishedDraw, ReceiptClaims},
    waiting_room::Queue,
};

/// To collect who has departed is a walk over all numbers.
const COLLECTED_EVERY: Duration = Duration::from_secs(5);
/// A receipt outlives every quarrel.
const RECEIPT_LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);

/// Limited by itself: what is published is long, and receipts are signed.
#[derive(Debug)]
pub(super) struct Draw;

impl LimitedCall<RateLimits> for Draw {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.draw
    }
}

/// All that anybody needs to recompute the draw, with `queue-gateway verify-draw` or by hand.
pub(super) async fn draw(
    State(gateway): State<Arc<Gateway>>,
    _limit: Within<Draw>,
    queue: AskedQueue,
) -> Result<Response, Problem> {
    let now = gateway.clock.now();
    let is_recent = |at: &Timestamp| now.duration_since(*at).unsigned_abs() < COLLECTED_EVERY;
    let collected = queue.published_draw.lock().clone().filter(|(at, _)| is_recent(at));
    let body = if let Some((_, body)) = collected {
        body
    } else {
        // Outside of the lock: nobody waits for a walk over a million numbers.
        let json = serde_json::to_vec(&published(&gateway, &queue)?).map_err(|_| Problem::internal())?;
        let body = Bytes::from(json);
        *queue.published_draw.lock() = Some((now, body.clone()));
        body
    };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=5")];
    Ok((headers, body).into_response())
}

fn published(gateway: &Gateway, queue: &Queue) -> Result<PublishedDraw, Problem> {
    let published = queue.publish_draw(&*queue.stats()?, &gateway.issuer);
    published.ok_or_else(|| error::no_draw("this queue opens in the order of joining"))
}

/// A number with its receipt.
#[derive(Serialize)]
struct Numbered<'a> {
    queue: &'a str,
    number: u64,
    /// A JWT under the keys of `/.well-known/jwks.json`.
    receipt: String,
}

/// The signed number of whoever the waiting token says.
pub(super) async fn receipt(
    State(gateway): State<Arc<Gateway>>,
    _own: OwnPage,
    _limit: Within<Draw>,
    queue: AskedQueue,
    HeldPlace(held): HeldPlace,
) -> Result<Response, Problem> {
    let stats = queue.stats()?;
    let draw = queue.draw(&stats).filter(|_| held.place.epoch == stats.epoch);
    // After a fail-over somebody else may have the same number.
    let is_doubtful = queue.follower.mirror.is_doubtful(held.issued_at);
    let number = queue.follower.mirror.number_of(held.place.seq).filter(|_| !is_doubtful);
    let (Some(draw), Some(number)) = (draw, number) else {
        return Err(error::no_draw("this place was not given by a draw"));
    };
    let issued_at = gateway.clock.now();
    let receipt = gateway.receipts.mint(&ReceiptClaims {
        queue: queue.name.clone(),
        epoch: stats.epoch.0,
        number,
        commitment: draw.commitment,
        beacon_source: draw.beacon_source.map(str::to_owned),
        opens_at: stats.control.opens_at(),
        issued_at,
        expires_at: issued_at.checked_add(RECEIPT_LIFETIME).unwrap_or(Timestamp::MAX),
    });
    let document = Numbered { queue: queue.name.as_str(), number, receipt };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(document)).into_response())
}
