//! `GET /v1/queues/{queue}/tokens/current`: where the visitor stands, for clients without a stream.
//!
//! While he waits the answer comes from this gateway's own mirror of the line: polling costs the store nothing.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use contract::ids::ActiveTokenId;
use http::StatusCode;
use service::{
    problem::Problem,
    rate_limit::{CallLimiter, LimitedCall, Within},
};

use super::{
    Gateway, Queue, pause,
    rate_limits::RateLimits,
    reply,
    request::{AskedQueue, HeldPlace},
};
use crate::{
    documents::InLine,
    engine::EngineError,
    line::{Epoch, Place, Standing, Stats},
};

/// Polls are limited per address.
#[derive(Debug)]
pub(super) struct Poll;

impl LimitedCall<RateLimits> for Poll {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.poll
    }
}

/// Answers with the place document and says in `Retry-After` when to ask again.
pub(super) async fn status(
    State(gateway): State<Arc<Gateway>>,
    _limit: Within<Poll>,
    queue: AskedQueue,
    held: HeldPlace,
) -> Result<Response, Problem> {
    queue.metrics.polls.inc();
    let stats = queue.stats()?;
    let message = stats.control.message.as_deref();
    let (mut document, place) = if let Some(line) = waiting_here(&queue, &stats, &held) {
        (gateway.documents.waiting(&queue.name, line, message), Some(held.place))
    } else {
        let (epoch, standing) = ask_the_store(&gateway, &queue, &held).await?;
        let document = reply::document(&gateway, &queue, message, held.visitor, epoch, standing).await?;
        (document, reply::seq_of(standing).map(|seq| Place { epoch, seq }))
    };
    document.poll_after_seconds = pause::spread(document.poll_after_seconds);
    let pause = HeaderValue::from(document.poll_after_seconds);
    let cookie = place.and_then(|place| renewed(&gateway, &queue, &held, place));
    let mut response = reply::place(StatusCode::OK, &document, cookie);
    response.headers_mut().insert(header::RETRY_AFTER, pause);
    Ok(response)
}

/// The visitor's place in this gateway's mirror, if it knows him there. A place of an older epoch that the mirror has
/// never met must be restored first; one of a later epoch says that the mirror is about to be rebuilt. Neither does it
/// know whose place it is that the store may have lost.
fn waiting_here(queue: &Queue, stats: &Stats, held: &HeldPlace) -> Option<InLine> {
    let known = held.place.epoch == stats.epoch && !queue.mirror.is_doubtful(held.issued_at);
    known.then(|| reply::in_line(queue, stats.epoch, held.place.seq)).flatten()
}

/// Where the store says that the visitor stands. One whom it does not know is put back to the place of his token, if
/// that is of an older epoch than the store's: the store has lost him, he has not left.
async fn ask_the_store(gateway: &Gateway, queue: &Queue, held: &HeldPlace) -> Result<(Epoch, Standing), EngineError> {
    let standing = gateway.engine.status(&queue.name, held.visitor).await?;
    let epoch = gateway.engine.stats(&queue.name).await?.epoch;
    if !matches!(standing, Standing::Absent) || held.place.epoch >= epoch {
        return Ok((epoch, standing));
    }
    let candidate = ActiveTokenId::generate(&*gateway.clock);
    let joined = gateway.engine.join(&queue.name, held.visitor, Some(held.place), candidate).await?;
    Ok((joined.epoch, joined.standing))
}

/// A new cookie once the token is half-way through its life, when its place is stated in an older epoch, or when the
/// store had to be asked whose it is: presence keeps a place, however long the line.
fn renewed(gateway: &Gateway, queue: &Queue, held: &HeldPlace, place: Place) -> Option<HeaderValue> {
    let half_life = gateway.documents.waiting_lifetime() / 2;
    let half_way = held.issued_at.checked_add(half_life).is_ok_and(|half_way| half_way <= gateway.clock.now());
    let due = half_way || place != held.place || queue.mirror.is_doubtful(held.issued_at);
    due.then(|| gateway.signed_place(&queue.name, held.visitor, place).1)
}
