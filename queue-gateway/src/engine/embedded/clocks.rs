//! Line time and grace time, in microseconds. `clocks` of `lua/library/queue.lua` has the same arithmetic.

use jiff::Timestamp;

use crate::{
    engine::LONGEST_STEP,
    line::{Control, Lane},
};

/// From when until when a queue admits, in microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitting {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Admitting {
    #[cfg(test)]
    pub(super) const ALWAYS: Self = Self { from: i64::MIN, until: i64::MAX };
    pub(super) const NEVER: Self = Self { from: i64::MAX, until: i64::MIN };

    /// When anybody is admitted from a lane. A queue that is paused, or waits for its draw, admits at no time.
    pub(super) fn of(control: &Control, lane: Lane) -> Self {
        if control.paused || control.waits_for_draw(lane) {
            return Self::NEVER;
        }
        let opens = control.admits_from(lane).map_or(i64::MIN, Timestamp::as_microsecond);
        // A line that is coming back waits.
        let from = opens.max(whole_from(control));
        let until = control.closes_at().map_or(i64::MAX, Timestamp::as_microsecond);
        Self { from, until }
    }

    /// How much of a stretch of time lies within.
    pub(super) fn share_of(self, from: i64, until: i64) -> i64 {
        until.min(self.until).saturating_sub(from.max(self.from)).max(0)
    }

    pub(super) fn contains(self, now: i64) -> bool {
        (self.from..self.until).contains(&now)
    }
}

/// From when the line is all there, as far as it comes back.
pub(super) fn whole_from(control: &Control) -> i64 {
    let until = control.rejoining_until.max(control.returning_until);
    until.map_or(i64::MIN, Timestamp::as_microsecond)
}

/// What the three clocks showed when the queue last took note.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    noted_at: i64,
    line: i64,
    grace: i64,
}

/// What the three clocks show at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The store's own clock.
    pub(super) now: i64,
    /// Stands still while the store is away from its gateways, or waits for what they remember or for who comes back.
    pub(super) line: i64,
    /// Line time while the queue admits from the general line.
    pub(super) grace: i64,
}

impl Clocks {
    /// All three show the same when a queue begins.
    pub(super) fn at(now: i64) -> Self {
        Self { noted_at: now, line: now, grace: now }
    }

    /// Reads the clocks of a line that is all there from `whole` on. While gateways are `registered`, somebody notes
    /// the time in every tick: what a gap has more than the longest step is time that nobody could use.
    pub(super) fn read(&self, now: i64, registered: bool, whole: i64, admitting: Admitting) -> Moment {
        let longest = if registered { LONGEST_STEP.as_micros().try_into().unwrap_or(i64::MAX) } else { i64::MAX };
        let elapsed = now.saturating_sub(self.noted_at).clamp(0, longest);
        let lived = elapsed.min(now.saturating_sub(whole.max(self.noted_at)).max(0));
        let admitted = elapsed.min(admitting.share_of(self.noted_at, now));
        Moment { now, line: self.line + lived, grace: self.grace + admitted }
    }

    /// Takes note. Call it before gateways come or go and before what says when the queue admits is changed.
    pub(super) fn note(&mut self, moment: Moment) {
        *self = Self { noted_at: moment.now, line: moment.line, grace: moment.grace };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_gap_counts_for_one_second_while_gateways_are_registered() {
        let clocks = Clocks::at(100 * SECOND);
        assert_eq!(clocks.read(160 * SECOND, true, i64::MIN, Admitting::ALWAYS).line, 101 * SECOND);
        assert_eq!(clocks.read(160 * SECOND, false, i64::MIN, Admitting::ALWAYS).line, 160 * SECOND);
    }

    #[test]
    fn a_pause_stops_grace_time_alone() {
        let mut clocks = Clocks::at(0);
        clocks.note(clocks.read(SECOND, true, i64::MIN, Admitting::NEVER));
        let moment = clocks.read(2 * SECOND, true, i64::MIN, Admitting::ALWAYS);
        assert_eq!((moment.line, moment.grace), (2 * SECOND, SECOND));
    }

    #[test]
    fn line_time_stands_still_until_the_line_is_all_there() {
        let clocks = Clocks::at(0);
        let line = [1, 5, 7].map(|at| clocks.read(at * SECOND, false, 5 * SECOND, Admitting::ALWAYS).line / SECOND);
        assert_eq!(line, [0, 0, 2]);
    }

    #[test]
    fn grace_time_runs_from_the_opening_to_the_closing() {
        let clocks = Clocks::at(0);
        let admitting = Admitting { from: 10 * SECOND, until: 20 * SECOND };
        let grace = [5, 10, 14, 20, 60].map(|at| clocks.read(at * SECOND, false, i64::MIN, admitting).grace / SECOND);
        assert_eq!(grace, [0, 0, 4, 10, 10]);
    }

    #[test]
    fn a_clock_that_steps_back_costs_nobody_time() {
        let mut clocks = Clocks::at(100 * SECOND);
        clocks.note(clocks.read(10 * SECOND, true, i64::MIN, Admitting::ALWAYS));
        assert_eq!(clocks.read(11 * SECOND, true, i64::MIN, Admitting::ALWAYS).line, 101 * SECOND);
    }
}
