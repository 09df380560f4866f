//! The reading end of one stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use contract::ids::VisitorId;
use tokio_stream::Stream;

use super::{Room, frame, latest::Latest, queue_streams::QueueStreams};

use crate::line::presence::Stay;

/// The frames of one stream, ready to be sent. Dropping it takes the stream out of its queue's.
#[derive(Debug)]
pub struct Subscription {
    /// Two frames at once, the state and one more: some proxies hold the first until a second comes.
    greeting: [Option<Bytes>; 2],
    membership: Option<Membership>,
}

/// A stream's entry among those of its queue.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) streams: Arc<QueueStreams>,
    pub(super) visitor: VisitorId,
    pub(super) stay: Stay,
    pub(super) latest: Arc<Latest>,
    /// Room for one stream, given back with it.
    #[expect(dead_code, reason = "held, not read")]
    pub(super) room: Room,
}

impl Subscription {
    /// A stream that says one thing and ends.
    pub(super) fn last(state: Bytes) -> Self {
        Self { greeting: [Some(state), Some(frame::PING)], membership: None }
    }

    /// A stream that goes on.
    pub(super) fn live(greeting: [Bytes; 2], membership: Membership) -> Self {
        Self { greeting: greeting.map(Some), membership: Some(membership) }
    }
}

impl Stream for Subscription {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = self.get_mut();
        if let Some(frame) = this.greeting.iter_mut().find_map(Option::take) {
            return Poll::Ready(Some(frame));
        }
        match &this.membership {
            Some(membership) => membership.latest.poll(context),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.streams.remove(self.visitor, self.stay, &self.latest);
    }
}
