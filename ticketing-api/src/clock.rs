//! Time as this service keeps it.

use contract::clock::{Clock, SharedClock};
use jiff::Timestamp;

/// Another clock in whole microseconds, which is what the databases keep: an instant in a reply is the same when it is
/// read back later.
#[derive(Debug)]
pub struct MicrosecondClock(pub SharedClock);

impl Clock for MicrosecondClock {
    fn now(&self) -> Timestamp {
        let now = self.0.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use contract::clock::ManualClock;

    use super::*;

    #[test]
    fn what_is_below_a_microsecond_is_cut_off() {
        let exact = ManualClock::at_second(1);
        exact.advance(Duration::from_nanos(1_999));
        let clock = MicrosecondClock(Arc::new(exact));
        assert_eq!(clock.now(), Timestamp::from_nanosecond(1_000_001_000).unwrap());
    }
}
