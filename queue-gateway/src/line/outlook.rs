//! What somebody in the line can be told about their place.

use std::time::Duration;

use super::estimate::WaitRange;

/// A place in the line as this gateway sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// 1-based and exact: one more than those who go before, as things stand.
    pub position: u64,
    /// How many places there are behind.
    pub behind: u64,
    /// How long it will take; `None` while nobody is admitted.
    pub wait: Option<WaitRange>,
    /// How long it is until the queue opens, where it is yet to.
    pub opens_in: Option<Duration>,
    /// The number that they have in a draw.
    pub number: Option<u64>,
    /// They stand in the priority lane, where all of this counts.
    pub invited: bool,
}

/// Seconds between two polls at the front of the line.
const FASTEST_POLL: u64 = 2;
/// Seconds between two polls far back in it.
const SLOWEST_POLL: u64 = 60;
/// At most so many while nothing is known of the wait: it may soon be.
const WITHOUT_ESTIMATE: u64 = 20;

impl Outlook {
    /// Seconds until the next question is worth asking: the farther back, the longer. An eighth of the estimated wait
    /// leaves room for the operator to raise the rate. Nobody loses a turn by asking no earlier: the time to arrive
    /// begins with the next due poll.
    pub fn ask_again_seconds(&self) -> u64 {
        if let Some(left) = self.opens_in {
            // As soon as there is something to tell, and rarely until then.
            return left.as_secs().clamp(FASTEST_POLL, SLOWEST_POLL);
        }
        match self.wait {
            Some(wait) => (wait.p50 / 8).clamp(FASTEST_POLL, SLOWEST_POLL),
            None => (FASTEST_POLL + self.position / 100).min(WITHOUT_ESTIMATE),
        }
    }
}

/// The latest that somebody may be told who is to come back after so many seconds: a quarter later, and at least a
/// second.
pub fn latest_pause(seconds: u64) -> u64 {
    seconds + (seconds / 4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_farther_back_are_asked_to_poll_less_often() {
        let after = |position, p50: Option<u64>| {
            let wait = p50.map(|p50| WaitRange { p50, p90: p50 * 2 });
            Outlook { position, behind: 0, wait, opens_in: None, number: None, invited: false }.ask_again_seconds()
        };
        assert_eq!([after(1, Some(1)), after(500, Some(80)), after(9_000, Some(4_000))], [2, 10, 60]);
        assert_eq!([after(1, None), after(500, None), after(9_000, None)], [2, 7, 20]);
    }

    #[test]
    fn before_the_opening_everybody_is_asked_to_poll_when_it_comes() {
        let after = |left| {
            let opens_in = Some(Duration::from_secs(left));
            Outlook { position: 9_000, behind: 0, wait: None, opens_in, number: None, invited: false }
                .ask_again_seconds()
        };
        assert_eq!([after(0), after(45), after(86_400)], [2, 45, 60]);
    }
}
