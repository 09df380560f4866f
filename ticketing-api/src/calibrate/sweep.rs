//! How many buyers at once to try next, and what the trials come to. Pure.

use std::time::Duration;

/// Above this share of failed transactions a level counts for nothing.
const MOST_ERRORS: f64 = 0.01;

/// A level must bring at least so much more than the best before it.
const GAIN: f64 = 1.03;

/// What so many buyers at once came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// Buyers at once, none of whom ever pauses.
    pub(super) concurrency: u32,
    /// Holds, reservations and payments per second that did their work.
    pub(super) tps: f64,
    /// Half of the transactions took no longer.
    pub(super) p50: Duration,
    /// 95 % took no longer.
    pub(super) p95: Duration,
    /// The share that failed.
    pub(super) errors: f64,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// So many buyers at once.
    Try(u32),
    /// More of them will not bring more.
    Stop,
}

/// The rules of a sweep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    /// Most buyers at once.
    pub(super) limit: u32,
    /// What p95 must not exceed.
    pub(super) objective: Duration,
}

impl Sweep {
    /// 1, 2, 4 and so on, until two levels in a row gained less than 3 % over the best before them, one broke a
    /// bound, or the limit is reached. Two, because one may be noise.
    pub(super) fn next(&self, levels: &[Level]) -> Next {
        let Some(last) = levels.last() else { return Next::Try(1) };
        let next = last.concurrency * 2;
        if !self.is_within_bounds(last) || next > self.limit || stagnates(levels) {
            Next::Stop
        } else {
            Next::Try(next)
        }
    }

    /// The level with the most transactions per second among those within the bounds.
    pub(super) fn best(&self, levels: &[Level]) -> Option<Level> {
        levels.iter().filter(|level| self.is_within_bounds(level)).max_by(|a, b| a.tps.total_cmp(&b.tps)).copied()
    }

    /// Levels there are at most.
    pub(super) fn steps(&self) -> u64 {
        u64::from(self.limit.max(1).ilog2()) + 1
    }

    fn is_within_bounds(&self, level: &Level) -> bool {
        level.errors <= MOST_ERRORS && level.p95 <= self.objective
    }
}

fn stagnates(levels: &[Level]) -> bool {
    let Some(earlier) = levels.len().checked_sub(2).filter(|earlier| *earlier > 0) else { return false };
    let best = |levels: &[Level]| levels.iter().map(|level| level.tps).fold(0.0, f64::max);
    [earlier, earlier + 1].iter().all(|&index| levels[index].tps < GAIN * best(&levels[..index]))
}

/// Whether the two halves of a warm-up agree within 5 %.
pub(super) fn is_steady(earlier: f64, later: f64) -> bool {
    (earlier - later).abs() <= 0.05 * earlier.max(later)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWEEP: Sweep = Sweep { limit: 64, objective: Duration::from_millis(100) };

    fn levels(rates: &[f64]) -> Vec<Level> {
        let level = |(step, tps): (u32, &f64)| Level {
            concurrency: 1 << step,
            tps: *tps,
            p50: Duration::from_millis(5),
            p95: Duration::from_millis(20),
            errors: 0.0,
        };
        (0..).zip(rates).map(level).collect()
    }

    #[test]
    fn buyers_are_doubled_while_that_brings_more() {
        assert_eq!(SWEEP.next(&[]), Next::Try(1));
        assert_eq!(SWEEP.next(&levels(&[100.0])), Next::Try(2));
        assert_eq!(SWEEP.next(&levels(&[100.0, 190.0, 300.0])), Next::Try(8));
    }

    #[test]
    fn one_stagnant_level_may_be_noise_and_two_are_the_end() {
        assert_eq!(SWEEP.next(&levels(&[100.0, 102.0])), Next::Try(4));
        assert_eq!(SWEEP.next(&levels(&[100.0, 102.0, 106.0])), Next::Try(8));
        assert_eq!(SWEEP.next(&levels(&[100.0, 102.0, 102.0])), Next::Stop);
        assert_eq!(SWEEP.next(&levels(&[100.0, 200.0, 195.0, 205.0])), Next::Stop, "below the best plus 3 %");
        assert_eq!(SWEEP.next(&levels(&[100.0, 200.0, 195.0, 210.0])), Next::Try(16));
    }

    #[test]
    fn the_sweep_ends_at_its_bounds_and_its_limit() {
        let rates = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
        assert_eq!(SWEEP.next(&levels(&rates)), Next::Stop, "128 are more than the limit");
        assert_eq!(SWEEP.steps(), 7);
        let mut slow = levels(&rates[..3]);
        slow[2].p95 = Duration::from_millis(101);
        assert_eq!(SWEEP.next(&slow), Next::Stop);
        let mut failing = levels(&rates[..3]);
        failing[2].errors = 0.011;
        assert_eq!(SWEEP.next(&failing), Next::Stop);
    }

    #[test]
    fn the_best_level_is_one_within_the_bounds() {
        let mut some = levels(&[100.0, 200.0, 300.0]);
        assert_eq!(SWEEP.best(&some).unwrap().concurrency, 4);
        some[2].p95 = Duration::from_millis(101);
        assert_eq!(SWEEP.best(&some).unwrap().concurrency, 2);
        some[1].errors = 0.5;
        assert_eq!(SWEEP.best(&some).unwrap().concurrency, 1);
        some[0].errors = 0.5;
        assert_eq!(SWEEP.best(&some), None);
    }

    #[test]
    fn a_warm_up_is_over_when_its_halves_agree() {
        assert!(is_steady(100.0, 105.0) && is_steady(105.0, 100.0) && is_steady(0.0, 0.0));
        assert!(!is_steady(100.0, 106.0) && !is_steady(0.0, 1.0));
    }
}
