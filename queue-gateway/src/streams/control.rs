//! What streams are told of the queue as a whole.

use contract::ids::QueueName;
use serde::Serialize;

use super::latest::Kind;
use crate::line::{Control, QueueState, Stats};

/// Data of the events `paused`, `resumed` and `message`: all of it, whichever part changed.
#[derive(Serialize)]
pub(super) struct ControlDocument<'a> {
    queue: &'a QueueName,
    #[serde(flatten)]
    flow: Flow,
    message: Option<&'a str>,
}

/// Whether people go in, and whether they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Flow {
    /// Admission stands still.
    paused: bool,
    /// The line is coming back, and admission stands still until it is there.
    rejoining: bool,
    /// Nobody joins any more: whoever leaves cannot come back.
    draining: bool,
}

impl Flow {
    fn of(stats: &Stats) -> Self {
        let Stats { control, now, .. } = stats;
        let rejoining = stats.state() == QueueState::Rejoining;
        Self { paused: control.paused, rejoining, draining: control.drains(*now) }
    }
}

impl<'a> ControlDocument<'a> {
    pub(super) fn new(queue: &'a QueueName, stats: &'a Stats) -> Self {
        Self { queue, flow: Flow::of(stats), message: stats.control.message() }
    }
}

/// The name of the event that says whether admission stands still by an order.
pub(super) fn pause_event(control: &Control) -> &'static str {
    if control.paused { "paused" } else { "resumed" }
}

/// What all streams of a queue have been told.
#[derive(Debug)]
pub(super) struct Told {
    flow: Flow,
    message: Option<String>,
}

impl Told {
    pub(super) fn of(stats: &Stats) -> Self {
        Self { flow: Flow::of(stats), message: stats.control.message().map(str::to_owned) }
    }

    /// The events that tell the difference.
    pub(super) fn events_until(&self, stats: &Stats) -> impl Iterator<Item = (Kind, &'static str)> {
        let flow = (self.flow != Flow::of(stats)).then(|| (Kind::Paused, pause_event(&stats.control)));
        let message = (self.message.as_deref() != stats.control.message()).then_some((Kind::Message, "message"));
        flow.into_iter().chain(message)
    }
}
