//! When the model's queue takes joins and admits: by going through its orders one after another, never by a state.

use jiff::Timestamp;
use queue_gateway::line::{Closing, Control, NoJoins};

/// Why nobody joins at a moment.
pub(super) fn no_joins(control: &Control, now: i64) -> Option<NoJoins> {
    let pre_queue = i64::try_from(control.baseline.schedule.pre_queue.as_micros()).unwrap();
    if closes(control) <= now {
        return Some(NoJoins::Closed);
    }
    if now < opens(control).saturating_sub(pre_queue) {
        return Some(NoJoins::Scheduled);
    }
    control.drains_at.is_some_and(|drains_at| drains_at.as_microsecond() <= now).then_some(NoJoins::Draining)
}

/// For how many microseconds of a stretch the queue admits.
pub(super) fn admitting(control: &Control, from: i64, until: i64) -> i64 {
    if control.paused || control.draw.is_pending() {
        return 0;
    }
    (until.min(closes(control)) - from.max(opens(control))).max(0)
}

/// Whether it admits at a moment.
pub(super) fn admits(control: &Control, now: i64) -> bool {
    admitting(control, now, now.saturating_add(1)) > 0
}

pub(super) fn opens(control: &Control) -> i64 {
    let opens_at = control.opens_at_override.or(control.baseline.schedule.opens_at);
    opens_at.map_or(-FAR, Timestamp::as_microsecond)
}

fn closes(control: &Control) -> i64 {
    match control.closes_at_override {
        Some(Closing::At(at)) => at.as_microsecond(),
        Some(Closing::Never) => FAR,
        None => control.baseline.schedule.closes_at.map_or(FAR, Timestamp::as_microsecond),
    }
}

/// Beyond every moment of a run.
const FAR: i64 = i64::MAX / 4;
