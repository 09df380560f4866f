//! The reader of one stream, as a browser hears it.

use futures_util::FutureExt;
use queue_gateway::streams::Subscription;
use serde_json::Value;
use tokio_stream::StreamExt;

/// One event, parsed by hand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) retry_ms: Option<u64>,
    pub(crate) data: Value,
}

pub(crate) struct Listener {
    pub(crate) ended: bool,
    /// The position last heard.
    pub(crate) position: Option<u64>,
    frames: Subscription,
}

impl Listener {
    pub(crate) fn new(frames: Subscription) -> Self {
        Self { ended: false, position: None, frames }
    }

    /// All that can be read now. Positions that rise fail the test.
    pub(crate) fn hear(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(chunk) = self.frames.next().now_or_never() {
            let Some(chunk) = chunk else {
                self.ended = true;
                break;
            };
            let text = std::str::from_utf8(&chunk).unwrap();
            assert!(text.ends_with("\n\n"), "a chunk ends with a whole frame: {text:?}");
            events.extend(text.trim_end_matches('\n').split("\n\n").map(parse));
        }
        for event in events.iter().filter(|event| event.name == "position") {
            // Before a draw there is none.
            let Some(position) = event.data["position"].as_u64() else { continue };
            assert!(self.position.is_none_or(|before| position <= before), "{position} after {:?}", self.position);
            self.position = Some(position);
        }
        events
    }

    /// The names of all events that can be read now.
    pub(crate) fn names(&mut self) -> Vec<String> {
        self.hear().into_iter().map(|event| event.name).collect()
    }
}

fn parse(frame: &str) -> Event {
    let mut event = Event::default();
    for line in frame.lines() {
        let (field, value) = line.split_once(": ").unwrap();
        match field {
            "event" => value.clone_into(&mut event.name),
            "id" => value.clone_into(&mut event.id),
            "retry" => event.retry_ms = Some(value.parse().unwrap()),
            "data" => event.data = serde_json::from_str(value).unwrap(),
            other => panic!("unknown field {other}"),
        }
    }
    event
}
