//! Line time and grace time, in microseconds. `lua/library.lua` has the same arithmetic.

use crate::engine::LONGEST_STEP;

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
    /// Stands still while the store is away from its gateways.
    pub(super) line: i64,
    /// Line time without pauses.
    pub(super) grace: i64,
}

impl Clocks {
    /// All three show the same when a queue begins.
    pub(super) fn at(now: i64) -> Self {
        Self { noted_at: now, line: now, grace: now }
    }

    /// Reads the clocks. While gateways are `registered`, somebody notes the time in every tick: what a gap has more than
    /// the longest step is time that nobody could use.
    pub(super) fn read(&self, now: i64, registered: bool, paused: bool) -> Moment {
        let longest = if registered { LONGEST_STEP.as_micros().try_into().unwrap_or(i64::MAX) } else { i64::MAX };
        let elapsed = now.saturating_sub(self.noted_at).clamp(0, longest);
        Moment { now, line: self.line + elapsed, grace: self.grace + if paused { 0 } else { elapsed } }
    }

    /// Takes note. Call it before gateways come or go and before a pause begins or ends.
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
        assert_eq!(clocks.read(160 * SECOND, true, false).line, 101 * SECOND);
        assert_eq!(clocks.read(160 * SECOND, false, false).line, 160 * SECOND);
    }

    #[test]
    fn a_pause_stops_grace_time_alone() {
        let mut clocks = Clocks::at(0);
        clocks.note(clocks.read(SECOND, true, true));
        let moment = clocks.read(2 * SECOND, true, false);
        assert_eq!((moment.line, moment.grace), (2 * SECOND, SECOND));
    }

    #[test]
    fn a_clock_that_steps_back_costs_nobody_time() {
        let mut clocks = Clocks::at(100 * SECOND);
        clocks.note(clocks.read(10 * SECOND, true, false));
        assert_eq!(clocks.read(11 * SECOND, true, false).line, 101 * SECOND);
    }
}
