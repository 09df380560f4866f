//! When the model's queue takes joins and admits: by going through its orders one after another, never by a state.

use jiff::Timestamp;
use queue_gateway::line::{Closing, Control, Lane, NoJoins};

/// Why nobody joins a lane at a moment.
pub(super) fn no_joins(control: &Control, lane: Lane, now: i64) -> Option<NoJoins> {
    let pre_queue = i64::try_from(control.baseline.schedule.pre_queue.as_micros()).unwrap();
    if closes(control) <= now {
        return Some(NoJoins::Closed);
    }
    if now < opens_to(control, lane).saturating_sub(pre_queue) {
        return Some(NoJoins::Scheduled);
    }
    control.drains_at.is_some_and(|drains_at| drains_at.as_microsecond() <= now).then_some(NoJoins::Draining)
}

/// For how many microseconds of a stretch the queue admits from a lane.
pub(super) fn admitting(control: &Control, lane: Lane, from: i64, until: i64) -> i64 {
    let is_invited = lane == Lane::Invited && control.baseline.invitations.is_some();
    if control.paused || control.draw.is_pending() && !is_invited {
        return 0;
    }
    let from = from.max(opens_to(control, lane)).max(returning_until(control).unwrap_or(-FAR));
    (until.min(closes(control)) - from).max(0)
}

/// Whether it admits from a lane at a moment.
pub(super) fn admits(control: &Control, lane: Lane, now: i64) -> bool {
    admitting(control, lane, now, now.saturating_add(1)) > 0
}

/// Until when those are awaited who come back to places of an older epoch.
pub(super) fn returning_until(control: &Control) -> Option<i64> {
    control.returning_until.map(Timestamp::as_microsecond)
}

/// The invited are let in ahead of the others.
fn opens_to(control: &Control, lane: Lane) -> i64 {
    let presale = match (lane, control.baseline.invitations) {
        (Lane::Invited, Some(invitations)) => i64::try_from(invitations.presale.as_micros()).unwrap(),
        _ => 0,
    };
    opens(control).saturating_sub(presale)
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
