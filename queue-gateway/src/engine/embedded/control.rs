//! How baseline and overrides change.

use crate::line::{Baseline, Control, ControlChange, Draw};

/// The control with another baseline, where that is newer; the revision moves only when it says something else.
pub(super) fn with_baseline(control: &Control, baseline: Baseline) -> Control {
    if baseline.as_of <= control.baseline.as_of {
        return control.clone();
    }
    let revision = control.revision + u64::from(!baseline.says_the_same(&control.baseline));
    Control { revision, baseline, ..control.clone() }
}

/// The control after an operator's change; the revision moves only when something differs.
pub(super) fn with_change(control: &Control, change: ControlChange) -> Control {
    let next = Control {
        revision: control.revision,
        baseline: control.baseline.clone(),
        rate_override: change.rate_per_second.unwrap_or(control.rate_override),
        cap_override: change.cap.unwrap_or(control.cap_override),
        opening_override: change.opening.unwrap_or(control.opening_override),
        opens_at_override: change.opens_at.unwrap_or(control.opens_at_override),
        closes_at_override: change.closes_at.unwrap_or(control.closes_at_override),
        drains_at: change.drains_at.unwrap_or(control.drains_at),
        paused: change.paused.unwrap_or(control.paused),
        rejoining_until: control.rejoining_until,
        returning_until: control.returning_until,
        message_override: change.message.unwrap_or_else(|| control.message_override.clone()),
        draw: with_beacon(control, change.beacon),
    };
    revised(control, next)
}

/// Nobody chooses the beacon once it is known, or before it can be.
fn with_beacon(control: &Control, beacon: Option<String>) -> Draw {
    let draw = control.draw.clone();
    let is_awaited = draw.numbers.is_some() && control.beacon_source().is_some();
    if draw.beacon.is_none() && is_awaited { Draw { beacon, ..draw } } else { draw }
}

fn revised(before: &Control, mut after: Control) -> Control {
    if after != *before {
        after.revision += 1;
    }
    after
}
