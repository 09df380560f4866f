//! `GET /v1/queues/{queue}/stream`: the visitor's place as it changes, as Server-Sent Events.
//!
//! Whatever can be cured by coming back later is answered with 200 and a `retry:`: an error status would close an
//! `EventSource` for ever. The present state opens every stream, so a client that was cut off has missed nothing.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use service::{
    problem::Problem,
    rate_limit::{CallLimiter, LimitedCall, Within},
};
use tokio_stream::{Stream, StreamExt};

use super::{
    Gateway,
    rate_limits::RateLimits,
    request::{AskedQueue, CalledFrom, HeldPlace, OwnPage},
};

/// Openings of a stream are limited per address.
#[derive(Debug)]
pub(super) struct Open;

impl LimitedCall<RateLimits> for Open {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.stream
    }
}

/// Opens a stream for whoever the waiting token says. Without one, or without such a queue, there is nothing to come
/// back for, and the answer is a problem.
pub(super) async fn stream(
    State(gateway): State<Arc<Gateway>>,
    _own: OwnPage,
    queue: AskedQueue,
    CalledFrom(client): CalledFrom,
    HeldPlace(held): HeldPlace,
    limit: Result<Within<Open>, Problem>,
) -> Response {
    if limit.is_err() {
        return turned_away(&gateway).0;
    }
    // An engine that cannot be asked was counted where it was called, and is logged by the loops that meet it.
    let Ok((standing, place)) = gateway.room.listen(&queue, held).await else { return turned_away(&gateway).0 };
    let Ok(subscription) = gateway.streams.open(&queue.name, held.holder, client.network, standing) else {
        let (response, pause) = turned_away(&gateway);
        gateway.room.note_turned_away(&queue, held, standing, client, pause);
        return response;
    };
    // The same place with a new lifetime: presence keeps it. Streams end before a lifetime is over, so that every
    // listener comes by here in time.
    let token = place.map(|place| gateway.signed_place(&queue.name, held.holder, place));
    let cookie = token.map(|token| gateway.place_cookie(&queue.name, &token));
    event_stream(subscription, cookie)
}

/// The answer to a client who is to come back after the pause.
fn turned_away(gateway: &Gateway) -> (Response, Duration) {
    let (frame, pause) = gateway.streams.turn_away();
    (event_stream(tokio_stream::once(frame), None), pause)
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
