//! The credit by which promotion keeps to its rate. `accrue` of `lua/library/queue.lua` is the same arithmetic,
//! operation by operation.

use super::clocks::Admitting;
use crate::line::AdmissionLimits;

/// Admissions that may happen now. A token bucket that does not fill while nobody waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Credit {
    amount: f64,
    /// Up to when credit was given, in microseconds since 1970.
    at: i64,
}

impl Credit {
    /// A queue opens with one whole admission, so the very first visitor need not wait.
    pub(super) fn opening(at: i64) -> Self {
        Self { amount: 1.0, at }
    }

    /// Gives credit for the time since the last call. Call it before whatever changes the rate, when the queue admits,
    /// or an empty line.
    ///
    /// A clock that was set back gives nothing for that step, and credit goes on from the earlier time: waiting for the
    /// clock to catch up could halt admission for hours.
    #[expect(clippy::cast_precision_loss, reason = "microseconds stay far below 2^53 for two centuries")]
    pub(super) fn accrue(&mut self, now: i64, limits: AdmissionLimits, admitting: Admitting, line_empty: bool) {
        let rate = limits.rate_per_second;
        if !admitting.contains(now) || rate <= 0.0 || !rate.is_finite() {
            self.amount = 0.0;
        } else {
            let elapsed = now.saturating_sub(self.at.max(admitting.from)).max(0) as f64;
            // What there was before the opening is nobody's, whether or not anybody has looked meanwhile.
            let before = if self.at < admitting.from { 0.0 } else { self.amount };
            self.amount = (before + elapsed * rate / 1e6).min(limits.burst());
            if line_empty {
                self.amount = self.amount.min(1.0);
            }
        }
        self.at = now;
    }

    /// Whole admissions at hand.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, which is meant")]
    pub(super) fn whole(&self) -> u64 {
        self.amount.floor() as u64
    }

    /// Takes `admissions`, at most [`Self::whole`].
    #[expect(clippy::cast_precision_loss, reason = "at most `whole`, which came from a float")]
    pub(super) fn spend(&mut self, admissions: u64) {
        self.amount -= admissions as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn limits(rate_per_second: f64) -> AdmissionLimits {
        AdmissionLimits { rate_per_second, cap: 1 }
    }

    #[test]
    fn credit_grows_with_time_up_to_one_seconds_worth() {
        let mut credit = Credit::opening(0);
        credit.spend(1);
        credit.accrue(SECOND / 2, limits(10.0), Admitting::ALWAYS, false);
        assert_eq!(credit.whole(), 5);
        credit.accrue(60 * SECOND, limits(10.0), Admitting::ALWAYS, false);
        assert_eq!(credit.whole(), 10);
    }

    #[test]
    fn a_slow_rate_still_reaches_one_whole_admission() {
        let mut credit = Credit::opening(0);
        credit.spend(1);
        credit.accrue(9 * SECOND, limits(0.1), Admitting::ALWAYS, false);
        assert_eq!(credit.whole(), 0);
        credit.accrue(10 * SECOND, limits(0.1), Admitting::ALWAYS, false);
        assert_eq!(credit.whole(), 1);
    }

    #[test]
    fn an_empty_line_banks_one_admission_at_most() {
        let mut credit = Credit::opening(0);
        credit.accrue(60 * SECOND, limits(50.0), Admitting::ALWAYS, true);
        assert_eq!(credit.whole(), 1);
    }

    #[test]
    fn a_queue_that_does_not_admit_and_a_rate_of_nothing_leave_no_credit() {
        let closed = Admitting { from: 0, until: 60 * SECOND };
        let rates = [0.0, f64::NAN, f64::INFINITY, -1.0].map(|rate| (rate, Admitting::ALWAYS));
        for (rate, admitting) in [(50.0, Admitting::NEVER), (50.0, closed)].into_iter().chain(rates) {
            let mut credit = Credit::opening(0);
            credit.accrue(60 * SECOND, limits(rate), admitting, false);
            assert_eq!(credit.whole(), 0, "rate {rate}, {admitting:?}");
        }
    }

    #[test]
    fn credit_is_given_from_the_opening_on() {
        let mut credit = Credit::opening(0);
        let admitting = Admitting { from: 60 * SECOND, until: i64::MAX };
        credit.accrue(59 * SECOND, limits(10.0), admitting, false);
        credit.accrue(60 * SECOND + SECOND / 2, limits(10.0), admitting, false);
        assert_eq!(credit.whole(), 5);
        let mut unseen = Credit::opening(0);
        unseen.accrue(60 * SECOND + SECOND / 2, limits(10.0), admitting, false);
        assert_eq!(unseen, credit, "whether or not anybody has looked before");
    }

    #[test]
    fn a_clock_set_back_neither_gives_credit_nor_halts_it() {
        let mut credit = Credit::opening(100 * SECOND);
        credit.spend(1);
        credit.accrue(10 * SECOND, limits(1.0), Admitting::ALWAYS, false);
        assert_eq!(credit.whole(), 0);
        credit.accrue(11 * SECOND, limits(1.0), Admitting::ALWAYS, false);
        assert_eq!(credit.whole(), 1);
    }
}
