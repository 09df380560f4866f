//! `GET /v1/queues/{queue}/stream`: the visitor's place as it changes, as Server-Sent Events.
//!
//! Whatever can be cured by coming back later is answered with 200 and a `retry:`: an error status would close an
//! `EventSource` for ever. The present state opens every stream, so a client that was cut off has missed nothing.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use contract::ids::ActiveTokenId;
use service::{
    problem::Problem,
    rate_limit::{CallLimiter, LimitedCall, Within},
};
use tokio_stream::{Stream, StreamExt};

use super::{
    Gateway, Queue,
    rate_limits::RateLimits,
    request::{AskedQueue, HeldPlace},
};
use crate::{engine::EngineError, line::Standing, streams::Present};

/// Openings of a stream are limited per address.
#[derive(Debug)]
pub(super) struct Open;

impl LimitedCall<RateLimits> for Open {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.stream
    }
}

/// Opens a stream for whoever his waiting token says. Without one, or without such a queue, there is nothing to come back
/// for, and the answer is a problem.
pub(super) async fn stream(
    State(gateway): State<Arc<Gateway>>,
    queue: AskedQueue,
    held: HeldPlace,
    limit: Result<Within<Open>, Problem>,
) -> Response {
    if limit.is_err() {
        return turned_away(&gateway);
    }
    // An engine that cannot be asked was counted where it was called, and is logged by the loops that meet it.
    let Ok((standing, present)) = arrive(&gateway, &queue, &held).await else { return turned_away(&gateway) };
    let Ok(subscription) = gateway.streams.open(&queue.name, held.visitor, standing) else {
        return turned_away(&gateway);
    };
    let frames = subscription.map(move |frame| {
        // Owned by the stream: when it ends or the client vanishes, the engine is told.
        let _ = &present;
        frame
    });
    event_stream(frames, renewed(&gateway, &queue, &held, standing))
}

/// Records the stream and finds where its visitor stands. One whom the store does not know is put back to the place of
/// his token, if that is of an older epoch than the store's: the store has lost him, he has not left.
async fn arrive(gateway: &Gateway, queue: &Queue, held: &HeldPlace) -> Result<(Standing, Present), EngineError> {
    let known = gateway.presence.connect(&queue.name, held.visitor).await?;
    if known.0 != Standing::Absent || held.place.epoch >= gateway.engine.stats(&queue.name).await?.epoch {
        return Ok(known);
    }
    let candidate = ActiveTokenId::generate(&*gateway.clock);
    gateway.engine.join(&queue.name, held.visitor, Some(held.place), candidate).await?;
    gateway.presence.connect(&queue.name, held.visitor).await
}

/// The same place with a new lifetime: presence keeps it. The streams ends streams before a lifetime is over, so that every
/// listener comes by here in time.
fn renewed(gateway: &Gateway, queue: &Queue, held: &HeldPlace, standing: Standing) -> Option<HeaderValue> {
    let Standing::Waiting { seq } = standing else { return None };
    // A token of another place than the visitor's is not given a longer life.
    let same = queue.mirror.epoch().is_some_and(|epoch| held.place.relative_to(epoch) == seq);
    same.then(|| gateway.signed_place(&queue.name, held.visitor, held.place).1)
}

fn turned_away(gateway: &Gateway) -> Response {
    event_stream(tokio_stream::once(gateway.streams.turn_away()), None)
}

/// The one place where frames become a response.
fn event_stream(frames: impl Stream<Item = Bytes> + Send + 'static, cookie: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::from_stream(frames.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // `no-transform` also keeps proxies from compressing, which would hold frames back until a block is full.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}
