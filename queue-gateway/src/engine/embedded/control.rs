//! How baseline and overrides change.

use crate::line::{Baseline, Control, ControlChange};

/// What governs a queue that has just begun.
pub(super) fn initial(baseline: Baseline) -> Control {
    Control {
        revision: 1,
        baseline,
        rate_override: None,
        cap_override: None,
        opens_at_override: None,
        closes_at_override: None,
        drains_at: None,
        paused: false,
        message: None,
    }
}

/// The control with another baseline; the revision moves only when something differs.
pub(super) fn with_baseline(control: &Control, baseline: Baseline) -> Control {
    revised(control, Control { baseline, ..control.clone() })
}

/// The control after an operator's change; the revision moves only when something differs.
pub(super) fn with_change(control: &Control, change: ControlChange) -> Control {
    let next = Control {
        revision: control.revision,
        baseline: control.baseline,
        rate_override: change.rate_per_second.unwrap_or(control.rate_override),
        cap_override: change.cap.unwrap_or(control.cap_override),
        opens_at_override: change.opens_at.unwrap_or(control.opens_at_override),
        closes_at_override: change.closes_at.unwrap_or(control.closes_at_override),
        drains_at: change.drains_at.unwrap_or(control.drains_at),
        paused: change.paused.unwrap_or(control.paused),
        message: change.message.unwrap_or_else(|| control.message.clone()),
    };
    revised(control, next)
}

fn revised(before: &Control, mut after: Control) -> Control {
    if after != *before {
        after.revision += 1;
    }
    after
}
