//! How long to wait after a failed accept.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use crate::outage::Outage;

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// Doubles the pause from failure to failure. Without a pause, a process that is out of descriptors spins:
/// the connection stays in the backlog, so the next accept fails at once.
#[derive(Debug)]
pub(super) struct Backoff {
    last: Option<Duration>,
    outage: Outage,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { last: None, outage: Outage::new("cannot accept connections for now", "accepting connections again") }
    }

    /// How long to wait after this attempt; not at all when only the one connection was lost.
    pub(super) fn after<T>(&mut self, attempt: &io::Result<T>) -> Option<Duration> {
        self.last = match attempt {
            Ok(_) => None,
            Err(error) if concerns_one_connection(error) => return None,
            Err(_) => Some(self.last.map_or(FIRST, |last| (last * 2).min(LONGEST))),
        };
        self.outage.note(attempt);
        self.last
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_of_descriptors_is_waited_out_with_growing_pauses() {
        let out_of_descriptors = Err::<(), _>(io::Error::from_raw_os_error(24));
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..8).filter_map(|_| backoff.after(&out_of_descriptors)).map(|p| p.as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000]);

        assert_eq!(backoff.after(&Ok(())), None);
        assert_eq!(backoff.after(&out_of_descriptors), Some(FIRST));
    }

    #[test]
    fn a_lost_connection_delays_nobody() {
        let lost = Err::<(), _>(io::Error::from(ErrorKind::ConnectionAborted));
        assert_eq!(Backoff::new().after(&lost), None);
    }
}
