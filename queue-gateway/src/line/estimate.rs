//! How long those in the line will wait, as an honest range.
//!
//! With `p` present visitors up to and including mine, `m` admissions per second and `a` the hazard at which those
//! ahead give up, the line ahead shrinks as `dp/dt = -(m + a p)`, which reaches zero after `ln(1 + p a / m) / a` (and
//! `p / m` without departures). The early end of the range takes `m` as the mean of the last minute, the late end a
//! pessimistic `m`: the lowest decile of half-minute rates over ten minutes, and never more than nine tenths of the
//! mean.

use std::{collections::VecDeque, time::Duration};

use serde::Serialize;

/// How long a wait will take, in whole seconds, rounded up: an honest range, not a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WaitRange {
    /// As likely to be shorter as to be longer.
    pub p50: u64,
    /// Longer in one case of ten; never below `p50`.
    pub p90: u64,
}

/// How fast a line moves, in admissions per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The rate to expect.
    pub mean: f64,
    /// The rate that nine cases of ten exceed.
    pub low: f64,
}

impl Pace {
    /// The wait at `position` (1-based), where everybody ahead gives up at `hazard` per second; zero where it has not
    /// been measured. `None` while nobody is admitted.
    pub fn wait(&self, position: u64, hazard: f64) -> Option<WaitRange> {
        let p50 = seconds(position, self.mean, hazard)?;
        let p90 = seconds(position, self.low, hazard)?.max(p50);
        Some(WaitRange { p50, p90 })
    }
}

/// `T = ln(1 + p a / m) / a` in whole seconds, never less than one.
#[expect(clippy::cast_precision_loss, reason = "a line has far fewer than 2^53 places")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be finite and positive")]
fn seconds(position: u64, rate: f64, hazard: f64) -> Option<u64> {
    let work = position as f64 / rate;
    // For hazards this small the logarithm loses more digits than the linear form neglects.
    let wait = if hazard > 1e-9 { (work * hazard).ln_1p() / hazard } else { work };
    (rate > 0.0 && wait.is_finite()).then(|| wait.ceil().max(1.0) as u64)
}

/// Busy time is summed up in buckets of this length.
const BUCKET: Duration = Duration::from_secs(1);
/// Ten minutes of them.
const REMEMBERED: usize = 600;
/// The last minute, over which the mean is taken.
const MEAN_OVER: usize = 60;
/// Half a minute, over which the rates of the lowest decile are taken.
const DECILE_OVER: usize = 30;
/// With less history than this the configured rate is the better guess.
const ENOUGH: usize = 10;
/// Seconds after which the rate at which slots come free can be told.
const ENOUGH_CAPPED: usize = 5;
/// A late end without any basis would be no estimate: a standstill in memory lengthens it tenfold, not for ever.
const LEAST_SHARE: f64 = 0.1;

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    admitted: u64,
    busy: Duration,
}

/// How fast a line moves, by what it has done while somebody who is there waited.
///
/// Two different things hold a line back, and each has its history: the admission rate, or the cap on active users,
/// when it moves only as slots come free.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    by_rate: RateWindow,
    by_cap: RateWindow,
}

impl Flow {
    /// Adds a stretch of time, by the store's clock, in which people waited and admission was not paused; `capped` when
    /// no slot was free at its end.
    pub fn record(&mut self, busy: Duration, admitted: u64, capped: bool) {
        if capped { &mut self.by_cap } else { &mut self.by_rate }.record(busy, admitted);
    }

    /// The pace to expect, where `configured` is the admission rate in force. Until ten seconds of history are there,
    /// the configured rate stands in for the measured one; nothing stands in for slots that come free.
    pub fn pace(&self, configured: f64, capped: bool) -> Option<Pace> {
        if capped {
            return self.by_cap.pace(ENOUGH_CAPPED);
        }
        Some(self.by_rate.pace(ENOUGH).unwrap_or(Pace { mean: configured, low: 0.9 * configured }))
    }
}

/// The admissions of the last ten minutes in which there was somebody to admit.
///
/// Time with an empty line or a pause is left out: it says how many came or what the operator did, not how fast the
/// line moves when it moves.
#[derive(Clone, Debug, Default)]
struct RateWindow {
    closed: VecDeque<Bucket>,
    open: Bucket,
}

impl RateWindow {
    fn record(&mut self, busy: Duration, admitted: u64) {
        self.open.busy += busy;
        self.open.admitted += admitted;
        if self.open.busy >= BUCKET {
            if self.closed.len() == REMEMBERED {
                self.closed.pop_front();
            }
            self.closed.push_back(std::mem::take(&mut self.open));
        }
    }

    /// The pace that was measured over at least so many seconds.
    fn pace(&self, enough: usize) -> Option<Pace> {
        if self.closed.len() < enough {
            return None;
        }
        let mean = rate(self.closed.iter().rev().take(MEAN_OVER));
        let low = self.lowest_decile().map_or(f64::INFINITY, |decile| decile.max(LEAST_SHARE * mean));
        Some(Pace { mean, low: low.min(0.9 * mean) })
    }

    /// The rate that one half-minute in ten stays at or below; `None` before the first half-minute.
    fn lowest_decile(&self) -> Option<f64> {
        let newest_first: Vec<Bucket> = self.closed.iter().rev().copied().collect();
        let mut rates: Vec<f64> = newest_first.chunks_exact(DECILE_OVER).map(|half| rate(half.iter())).collect();
        rates.sort_unstable_by(f64::total_cmp);
        let tenth = rates.len().div_ceil(10).checked_sub(1)?;
        rates.get(tenth).copied()
    }
}

#[expect(clippy::cast_precision_loss, reason = "ten minutes hold far fewer than 2^53 admissions")]
fn rate<'a>(buckets: impl Iterator<Item = &'a Bucket>) -> f64 {
    let sum = buckets.fold(Bucket::default(), |sum, bucket| Bucket {
        admitted: sum.admitted + bucket.admitted,
        busy: sum.busy + bucket.busy,
    });
    if sum.busy.is_zero() { 0.0 } else { sum.admitted as f64 / sum.busy.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TENTH: Duration = Duration::from_millis(100);

    fn steady(rate: u64, seconds: u64) -> Flow {
        let mut flow = Flow::default();
        for _ in 0..seconds * 10 {
            flow.record(TENTH, rate / 10, false);
        }
        flow
    }

    fn pace(flow: &Flow, configured: f64) -> Pace {
        flow.pace(configured, false).unwrap()
    }

    #[test]
    fn without_history_the_configured_rate_is_the_guess() {
        let window = steady(100, 9);
        assert_eq!(pace(&window, 20.0), Pace { mean: 20.0, low: 18.0 });
        let wait = pace(&window, 20.0).wait(100, 0.0);
        assert_eq!(wait, Some(WaitRange { p50: 5, p90: 6 }));
    }

    #[test]
    fn the_measured_rate_replaces_the_configured_one() {
        let pace = pace(&steady(50, 60), 1_000.0);
        assert!((pace.mean - 50.0).abs() < 1e-9 && (pace.low - 45.0).abs() < 1e-9, "{pace:?}");
    }

    #[test]
    fn nobody_admitted_means_no_estimate() {
        assert_eq!(pace(&steady(0, 60), 50.0).wait(1, 0.0), None);
        assert_eq!(pace(&Flow::default(), 0.0).wait(1, 0.0), None);
    }

    #[test]
    fn while_the_cap_binds_slots_that_come_free_are_the_pace() {
        let mut flow = steady(50, 60);
        assert_eq!(flow.pace(50.0, true), None, "nothing is known yet of slots that come free");
        for second in 0..20 {
            flow.record(Duration::from_secs(1), second % 2, true);
        }
        let wait = flow.pace(50.0, true).unwrap().wait(10, 0.0).unwrap();
        assert_eq!(wait.p50, 20);
        assert_eq!(pace(&flow, 50.0).wait(10, 0.0).unwrap().p50, 1, "with room again the rate is as it was");
    }

    #[test]
    fn a_slow_half_minute_lengthens_the_late_end_only() {
        let mut window = steady(50, 120);
        for _ in 0..300 {
            window.record(TENTH, 2, false);
        }
        for _ in 0..600 {
            window.record(TENTH, 5, false);
        }
        let pace = pace(&window, 0.0);
        assert!((pace.mean - 50.0).abs() < 1e-9 && (pace.low - 20.0).abs() < 1e-9, "{pace:?}");
    }

    #[test]
    fn a_standstill_in_memory_keeps_the_late_end_finite() {
        let mut window = steady(0, 30);
        for _ in 0..600 {
            window.record(TENTH, 5, false);
        }
        let wait = pace(&window, 0.0).wait(100, 0.0);
        assert_eq!(wait, Some(WaitRange { p50: 2, p90: 20 }));
    }

    #[test]
    fn after_a_step_estimates_are_within_a_tenth_in_ninety_seconds() {
        let mut window = steady(100, 600);
        for _ in 0..900 {
            window.record(TENTH, 4, false);
        }
        let Some(wait) = pace(&window, 0.0).wait(4_000, 0.0) else { panic!("no estimate") };
        assert!((90..=110).contains(&wait.p50), "{wait:?}");
    }

    #[test]
    fn people_who_give_up_shorten_the_wait_as_the_formula_says() {
        // ln(1 + 1000 x 0.01 / 10) / 0.01 = 69.3
        let pace = Pace { mean: 10.0, low: 10.0 };
        assert_eq!(pace.wait(1_000, 0.01).map(|wait| wait.p50), Some(70));
    }

    proptest! {
        #[test]
        fn the_range_is_ordered_and_grows_with_the_position(
            mean in 1e-3..1e5_f64, share in 0.1..0.9_f64, hazard in 0.0..0.1_f64, position in 1..10_000_000_u64,
        ) {
            let pace = Pace { mean, low: share * mean };
            let (Some(near), Some(far)) = (pace.wait(position, hazard), pace.wait(position + 1, hazard)) else {
                return Err(TestCaseError::fail("a moving line has an estimate"));
            };
            prop_assert!(1 <= near.p50 && near.p50 <= near.p90);
            prop_assert!(near.p50 <= far.p50 && near.p90 <= far.p90);
        }
    }
}
