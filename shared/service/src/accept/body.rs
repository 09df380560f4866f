//! A request body that must arrive in time.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

/// The whole body did not arrive within the time that a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request body did not arrive in time")]
pub struct BodyTooSlow;

/// The body, bounded in time as a whole. A limit between two frames would not do: one byte before each
/// limit holds the connection, and whatever the handler has taken, for ever.
pub(super) fn within(limit: Duration, body: Incoming) -> Body {
    // Most requests have no body, and a timer that is not needed is memory a connection pays for.
    if body.is_end_stream() {
        return Body::empty();
    }
    Body::new(TimedBody { body, deadline: Box::pin(tokio::time::sleep(limit)) }.map_err(axum::Error::new))
}

struct TimedBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl hyper::body::Body for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Box::new(BodyTooSlow))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
