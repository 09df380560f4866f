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

/// The events of one open stream.
pub(super) struct Events {
    body: Incoming,
    unread: Vec<u8>,
}

impl Events {
    /// The events of a response.
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, unread: Vec::new() }
    }

    /// The next event; `None` when the stream ended or was cut.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(block) = take_block(&mut self.unread)
                && let Some(event) = parse(&block)
            {
                return Some(event);
            } else if !self.unread.windows(2).any(|two| two == b"\n\n") {
                let frame = self.body.frame().await?.ok()?;
                self.unread.extend_from_slice(frame.data_ref()?);
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
