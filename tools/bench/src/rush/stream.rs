//! Reads Server-Sent Events out of a response body, as far as a rush needs them.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

/// A named event with its JSON data.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    /// `position`, `admitted`, `ping`...
    pub(super) name: String,
    /// The document; null when there is none.
    pub(super) data: Value,
}

/// What a stream gave.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// An event.
    Event(Event),
    /// The server ended it.
    End,
    /// The connection broke.
    Cut,
}

/// The events of one open stream.
pub(super) struct Events {
    /// The instance that it is open to.
    pub(super) from: usize,
    body: Incoming,
    unread: Vec<u8>,
}

impl Events {
    /// The events of a response of this instance.
    pub(super) fn new(from: usize, body: Incoming) -> Self {
        Self { from, body, unread: Vec::new() }
    }

    /// The next event, or how the stream came to an end.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            if let Some(block) = take_block(&mut self.unread)
                && let Some(event) = parse(&block)
            {
                return Heard::Event(event);
            } else if !self.unread.windows(2).any(|two| two == b"\n\n") {
                match self.body.frame().await {
                    Some(Ok(frame)) => self.unread.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
                    Some(Err(_)) => return Heard::Cut,
                    None => return Heard::End,
                }
            }
        }
    }
}

/// The bytes up to the next blank line, which ends an event.
fn take_block(unread: &mut Vec<u8>) -> Option<String> {
    let end = unread.windows(2).position(|two| two == b"\n\n")?;
    let block = unread.drain(..end + 2).collect::<Vec<_>>();
    Some(String::from_utf8_lossy(&block).into_owned())
}

/// An event with a name; comments and bare `retry:` lines are none.
fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start()));
    let name = field("event:")?.to_owned();
    let data = field("data:").and_then(|data| serde_json::from_str(data).ok()).unwrap_or(Value::Null);
    Some(Event { name, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_what_ends_with_a_blank_line() {
        let mut unread = b"retry: 2000\n\nid: 1-2\nevent: position\ndata: {\"position\":7}\n\nevent: pi".to_vec();
        assert_eq!(take_block(&mut unread).and_then(|block| parse(&block)), None);
        let event = take_block(&mut unread).and_then(|block| parse(&block));
        assert_eq!(event, Some(Event { name: "position".into(), data: serde_json::json!({"position": 7}) }));
        assert_eq!(take_block(&mut unread), None);
        assert_eq!(unread, b"event: pi");
    }
}
