//! How long to wait after a failed accept.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// Doubles the pause from failure to failure. Without a pause, a process that is out of descriptors spins:
/// the connection stays in the backlog, so the next accept fails at once.
#[derive(Debug, Default)]
pub(super) struct Backoff(Option<Duration>);

impl Backoff {
    /// Accepting works again.
    pub(super) fn reset(&mut self) {
        if self.0.take().is_some() {
            tracing::info!("accepting connections again");
        }
    }

    /// The pause after this error; none when only the one connection was lost.
    pub(super) fn after(&mut self, error: &io::Error) -> Option<Duration> {
        if concerns_one_connection(error) {
            return None;
        }
        let pause = match self.0 {
            // Told once, not once a retry: the log is needed for what caused the shortage.
            None => {
                tracing::warn!(%error, "cannot accept connections for now");
                FIRST
            }
            Some(last) => (last * 2).min(LONGEST),
        };
        self.0 = Some(pause);
        Some(pause)
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
        let out_of_descriptors = io::Error::from_raw_os_error(24);
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..8).filter_map(|_| backoff.after(&out_of_descriptors)).map(|p| p.as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000]);

        backoff.reset();
        assert_eq!(backoff.after(&out_of_descriptors), Some(FIRST));
    }

    #[test]
    fn a_lost_connection_delays_nobody() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.after(&io::Error::from(ErrorKind::ConnectionAborted)), None);
    }
}
