//! What one stream still has to be told: the latest of each kind, never a queue.

use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

/// Between the tick, which writes, and the one reader of a stream.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<Contents>);

/// A slow reader finds the newest frame of each kind: a newer position replaces an older one, but never a pause.
#[derive(Debug, Default)]
struct Contents {
    paused: Option<Bytes>,
    message: Option<Bytes>,
    place: Option<Bytes>,
    last: Option<Bytes>,
    ended: bool,
    reader: Option<Waker>,
}

/// Which of the stream's truths a frame tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whether admission stands still.
    Paused,
    /// The operator's sentence.
    Message,
    /// The position.
    Place,
    /// A sign of life; dropped when anything else is waiting to be read.
    Ping,
}

impl Latest {
    /// Puts a frame in the place of an unread one of its kind.
    pub(super) fn put(&self, kind: Kind, frame: Bytes) {
        let mut contents = self.0.lock();
        if contents.ended {
            return;
        }
        let silent = contents.paused.is_none() && contents.message.is_none() && contents.place.is_none();
        match kind {
            Kind::Paused => contents.paused = Some(frame),
            Kind::Message => contents.message = Some(frame),
            Kind::Place => contents.place = Some(frame),
            Kind::Ping if silent => contents.place = Some(frame),
            Kind::Ping => return,
        }
        let reader = contents.reader.take();
        drop(contents);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Ends the stream with a last frame; an unread position is out of date by it and dropped.
    pub(super) fn end(&self, last: Bytes) {
        let mut contents = self.0.lock();
        if contents.ended {
            return;
        }
        contents.ended = true;
        contents.place = None;
        contents.last = Some(last);
        let reader = contents.reader.take();
        drop(contents);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// All that is unread, as one chunk; `None` once the last frame was read.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut contents = self.0.lock();
        let unread = [contents.paused.take(), contents.message.take(), contents.place.take(), contents.last.take()];
        let mut frames = unread.into_iter().flatten();
        match (frames.next(), frames.next()) {
            (None, _) if contents.ended => Poll::Ready(None),
            (None, _) => {
                if !contents.reader.as_ref().is_some_and(|reader| reader.will_wake(context.waker())) {
                    contents.reader = Some(context.waker().clone());
                }
                Poll::Pending
            }
            (Some(only), None) => Poll::Ready(Some(only)),
            (Some(first), Some(second)) => {
                let mut chunk = BytesMut::from(&*first);
                chunk.extend_from_slice(&second);
                frames.for_each(|frame| chunk.extend_from_slice(&frame));
                Poll::Ready(Some(chunk.freeze()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(latest: &Latest) -> Poll<Option<Bytes>> {
        latest.poll(&Context::from_waker(Waker::noop()))
    }

    fn text(chunk: &'static str) -> Poll<Option<Bytes>> {
        Poll::Ready(Some(Bytes::from_static(chunk.as_bytes())))
    }

    #[test]
    fn a_slow_reader_finds_the_latest_of_each_kind() {
        let latest = Latest::default();
        latest.put(Kind::Place, "place 9;".into());
        latest.put(Kind::Paused, "paused;".into());
        latest.put(Kind::Ping, "ping;".into());
        latest.put(Kind::Place, "place 8;".into());
        assert_eq!(read(&latest), text("paused;place 8;"));
        assert_eq!(read(&latest), Poll::Pending);
        latest.put(Kind::Ping, "ping;".into());
        assert_eq!(read(&latest), text("ping;"));
    }

    #[test]
    fn the_last_frame_is_the_last() {
        let latest = Latest::default();
        latest.put(Kind::Message, "message;".into());
        latest.put(Kind::Place, "place 1;".into());
        latest.end("admitted;".into());
        latest.end("closed;".into());
        latest.put(Kind::Place, "place 0;".into());
        assert_eq!(read(&latest), text("message;admitted;"));
        assert_eq!(read(&latest), Poll::Ready(None));
    }
}
