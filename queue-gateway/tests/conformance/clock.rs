//! A clock that a case alone moves, back too.

use std::time::Duration;

use contract::clock::Clock;
use jiff::Timestamp;
use parking_lot::Mutex;

#[derive(Debug)]
pub(crate) struct TestClock(Mutex<Timestamp>);

impl TestClock {
    /// Not at a whole second: rounding to one would show.
    pub(crate) fn start() -> Self {
        Self(Mutex::new(Timestamp::from_microsecond(1_800_000_000_123_457).unwrap()))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock();
        *now = now.checked_add(by).unwrap();
    }

    pub(crate) fn step_back(&self, by: Duration) {
        let mut now = self.0.lock();
        *now = now.checked_sub(by).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}
