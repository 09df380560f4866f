//! The text format of Server-Sent Events (WHATWG HTML, section 9.2.6).

use std::time::Duration;

/// One frame of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `id` of this very frame.
    pub id: Option<String>,
    /// The name, `message` when the frame has none.
    pub event: String,
    /// The lines of `data`, joined by line feeds.
    pub data: String,
    /// The reconnection time that this frame sets.
    pub retry: Option<Duration>,
}

/// Turns the bytes of a stream into events, wherever the bytes are split.
///
/// Other than a browser, it also reports frames without data, so that a test sees a lone `retry`.
/// Comments make no event.
#[derive(Debug, Default)]
pub(super) struct EventParser {
    line: Vec<u8>,
    frame: Option<Event>,
    /// The last byte ended a line as a carriage return, so that a line feed now belongs to it.
    after_return: bool,
    /// The first line is past, which alone may begin with a byte order mark.
    begun: bool,
}

impl EventParser {
    /// The events that these bytes complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            let belongs_to_return = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if belongs_to_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<Event> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let first = !std::mem::replace(&mut self.begun, true);
        let line = if first { text.trim_start_matches('\u{feff}') } else { &text };
        if line.is_empty() {
            let mut event = self.frame.take()?;
            // Each line of data has brought a line feed; the last one is not part of the data.
            event.data.pop();
            return Some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let new = || Event { id: None, event: "message".to_owned(), data: String::new(), retry: None };
        match field {
            "data" => self.frame.get_or_insert_with(new).data.extend([value, "\n"]),
            "event" => value.clone_into(&mut self.frame.get_or_insert_with(new).event),
            // An id with a NUL is ignored, as the format says: it cannot be sent back in a header.
            "id" if !value.contains('\0') => self.frame.get_or_insert_with(new).id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) => {
                self.frame.get_or_insert_with(new).retry = value.parse().ok().map(Duration::from_millis);
            }
            // Comments (an empty name) and unknown fields.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "\u{feff}: hello\n\nretry: 3000\n\nid: 5-1\nevent: position\ndata: {\"position\":1}\n\n\
        data:a\r\ndata: ä대\r\ndata\r\n\r\nid\revent: ping\rdata:  x\r\rdata: unfinished\n";

    fn expected() -> Vec<Event> {
        let event = |id: Option<&str>, event: &str, data: &str, retry: Option<u64>| Event {
            id: id.map(ToOwned::to_owned),
            event: event.to_owned(),
            data: data.to_owned(),
            retry: retry.map(Duration::from_millis),
        };
        vec![
            event(None, "message", "", Some(3000)),
            event(Some("5-1"), "position", "{\"position\":1}", None),
            event(None, "message", "a\nä대\n", None),
            event(Some(""), "ping", " x", None),
        ]
    }

    #[test]
    fn every_form_of_the_format_is_read() {
        assert_eq!(EventParser::default().feed(STREAM.as_bytes()), expected());
    }

    #[test]
    fn a_stream_may_be_split_between_any_two_bytes() {
        for at in 0..=STREAM.len() {
            let (head, tail) = STREAM.as_bytes().split_at(at);
            let mut parser = EventParser::default();
            let mut events = parser.feed(head);
            events.extend(parser.feed(tail));
            assert_eq!(events, expected(), "split at {at}");
        }
    }

    #[test]
    fn an_unusable_retry_or_id_is_ignored() {
        assert_eq!(EventParser::default().feed(b"retry: 1s\n\nretry:\n\nid: a\0b\n\n"), []);
    }

    proptest! {
        #[test]
        fn no_bytes_confuse_the_parser_however_they_are_split(
            bytes in prop::collection::vec(prop::sample::select(b"\r\n: dataidevent\xe4\xff1".to_vec()), 0..200),
            at in any::<prop::sample::Index>(),
        ) {
            let whole = EventParser::default().feed(&bytes);
            let (head, tail) = bytes.split_at(at.index(bytes.len() + 1));
            let mut parser = EventParser::default();
            let mut events = parser.feed(head);
            events.extend(parser.feed(tail));
            prop_assert_eq!(events, whole);
        }
    }
}
