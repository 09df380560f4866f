//! What streams are told of the queue as a whole.

use contract::ids::QueueName;
use serde::Serialize;

use super::latest::Kind;
use crate::line::Control;

/// Data of the events `paused`, `resumed` and `message`: all of it, whichever part changed.
#[derive(Serialize)]
pub(super) struct ControlDocument<'a> {
    queue: &'a QueueName,
    paused: bool,
    message: Option<&'a str>,
}

impl<'a> ControlDocument<'a> {
    pub(super) fn new(queue: &'a QueueName, control: &'a Control) -> Self {
        Self { queue, paused: control.paused, message: control.message() }
    }
}

/// The name of the event that says whether admission stands still.
pub(super) fn pause_event(control: &Control) -> &'static str {
    if control.paused { "paused" } else { "resumed" }
}

/// What all streams of a queue have been told.
#[derive(Debug)]
pub(super) struct Told {
    paused: bool,
    message: Option<String>,
}

impl Told {
    pub(super) fn of(control: &Control) -> Self {
        Self { paused: control.paused, message: control.message().map(str::to_owned) }
    }

    /// The events that tell the difference.
    pub(super) fn events_until(&self, control: &Control) -> impl Iterator<Item = (Kind, &'static str)> {
        let pause = (self.paused != control.paused).then(|| (Kind::Paused, pause_event(control)));
        let message = (self.message.as_deref() != control.message()).then_some((Kind::Message, "message"));
        pause.into_iter().chain(message)
    }
}
