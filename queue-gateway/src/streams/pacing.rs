//! When a changed position is worth a frame.
//!
//! A step is worth telling when it can be seen: a waiter hears of every step near the front, and farther back whenever
//! they came forward by about a hundredth of the way that is left. However long the line, nobody is told more than some
//! [`STEPS`] x ln(line) times, so the work follows the promotion rate, not the number of waiters times ticks. A line
//! that creeps is still told of now and then.

use std::time::Duration;

/// A waiter is told when at least one part in so many of their way is done.
const STEPS: u64 = 128;
/// A smaller change is told after this long.
const SLOWEST: Duration = Duration::from_secs(10);
/// After this long without any frame a stream shows that it lives.
const SILENCE: Duration = Duration::from_secs(15);

/// Whether to send a position: `shown` is what the stream last said, `position` what is true, `fresh` whether the
/// estimate is another, `since` the time since the last frame.
pub(super) fn is_due(shown: u64, position: u64, fresh: bool, since: Duration) -> bool {
    let moved = shown.saturating_sub(position);
    moved >= (shown / STEPS).max(1) || ((moved > 0 || fresh) && since >= SLOWEST)
}

/// Whether to send a ping, where `since` is the time since the last frame.
pub(super) fn is_silent(since: Duration) -> bool {
    since >= SILENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_the_front_every_step_is_told() {
        assert!(is_due(2, 1, false, Duration::ZERO));
        assert!(is_due(200, 199, false, Duration::ZERO));
        assert!(!is_due(200, 200, false, SILENCE));
    }

    #[test]
    fn far_back_a_visible_step_or_some_time_is_needed() {
        assert!(!is_due(12_800, 12_701, true, Duration::from_secs(9)));
        assert!(is_due(12_800, 12_700, false, Duration::ZERO));
        assert!(is_due(12_800, 12_799, false, SLOWEST));
        assert!(is_due(12_800, 12_800, true, SLOWEST));
    }

    #[test]
    fn a_million_places_cost_some_thousand_frames() {
        let (mut shown, mut frames) = (1_000_000, 0);
        for position in (1..1_000_000).rev() {
            if is_due(shown, position, true, Duration::from_secs(1)) {
                (shown, frames) = (position, frames + 1);
            }
        }
        assert!(frames < 1_500, "{frames}");
        assert_eq!(shown, 1);
    }
}
