//! Events as the `text/event-stream` format writes them.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::line::{Epoch, LogIndex};

/// A sign of life that scripts can see, unlike a comment.
pub(super) const PING: Bytes = Bytes::from_static(b"event: ping\ndata: {}\n\n");

/// A tick's frames are cut from buffers of this size: large enough to hold dozens, small enough that a reader who
/// leaves one unread keeps little alive.
const BUFFER: usize = 16 * 1024;
/// More than most frames take.
const FRAME: usize = 1024;

/// Which state a frame shows: the epoch, and the entry of the departure log up to which it is true.
///
/// Every gateway gives the same state the same id, so that what a client says on reconnecting reads the same
/// everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateId {
    pub(super) epoch: Epoch,
    pub(super) tick: LogIndex,
}

/// Writes frames into shared buffers, without an allocation for each.
#[derive(Debug)]
pub(super) struct FrameWriter {
    buffer: BytesMut,
    size: usize,
}

impl FrameWriter {
    /// For the frames of tick after tick.
    pub(super) fn for_many() -> Self {
        Self { buffer: BytesMut::new(), size: BUFFER }
    }

    /// For a frame or two.
    pub(super) fn for_few() -> Self {
        Self { buffer: BytesMut::new(), size: FRAME }
    }

    /// One event with its state's id.
    pub(super) fn event(&mut self, name: &str, id: StateId, data: &impl Serialize) -> Bytes {
        self.reserve();
        self.id(id);
        self.data(name, data);
        self.buffer.split().freeze()
    }

    /// As [`FrameWriter::event`], telling the client first how long to wait before a reconnection.
    pub(super) fn event_with_retry(
        &mut self,
        name: &str,
        id: StateId,
        data: &impl Serialize,
        retry: Duration,
    ) -> Bytes {
        self.reserve();
        self.retry(retry);
        self.id(id);
        self.data(name, data);
        self.buffer.split().freeze()
    }

    fn reserve(&mut self) {
        if self.buffer.capacity() < FRAME {
            self.buffer = BytesMut::with_capacity(self.size);
        }
    }

    fn retry(&mut self, retry: Duration) {
        self.line(format_args!("retry: {}\n", retry.as_millis()));
    }

    fn id(&mut self, id: StateId) {
        self.line(format_args!("id: {}-{}\n", id.epoch.0, id.tick.0));
    }

    /// JSON escapes line breaks, so the document is one `data` line.
    fn data(&mut self, name: &str, data: &impl Serialize) {
        self.line(format_args!("event: {name}\ndata: "));
        #[expect(clippy::expect_used, reason = "plain structs with string keys, written into memory, cannot fail")]
        serde_json::to_writer((&mut self.buffer).writer(), data).expect("documents serialise");
        self.buffer.put_slice(b"\n\n");
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        #[expect(clippy::expect_used, reason = "memory takes whatever is written into it")]
        std::fmt::Write::write_fmt(&mut self.buffer, text).expect("a buffer grows");
    }
}

/// Only tells the client how long to wait before a reconnection.
pub(super) fn retry_only(retry: Duration) -> Bytes {
    format!("retry: {}\n\n", retry.as_millis()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_in_the_order_that_clients_read() {
        let id = StateId { epoch: Epoch(7), tick: LogIndex(3) };
        let mut writer = FrameWriter::for_many();
        assert_eq!(writer.event("position", id, &["a\nb"]), "id: 7-3\nevent: position\ndata: [\"a\\nb\"]\n\n");
        assert_eq!(
            writer.event_with_retry("closed", id, &1, Duration::from_millis(2_500)),
            "retry: 2500\nid: 7-3\nevent: closed\ndata: 1\n\n"
        );
        assert_eq!(retry_only(Duration::from_secs(4)), "retry: 4000\n\n");
    }

    #[test]
    fn frames_share_a_buffer() {
        let id = StateId { epoch: Epoch(1), tick: LogIndex(1) };
        let mut writer = FrameWriter::for_many();
        let first = writer.event("position", id, &1);
        let second = writer.event("position", id, &2);
        assert_eq!(first.as_ptr().wrapping_add(first.len()), second.as_ptr());
    }
}
