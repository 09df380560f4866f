//! What is said of something that fails for a while: a line when it begins, and one when it ends.

use std::{fmt::Display, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Tells outages of one thing that is done again and again. How often it failed is for metrics to count: in a rush
/// thousands of calls fail for the same reason, and a line for each would bury everything else.
///
/// ```
/// let outage = service::outage::Outage::new("mail is not delivered: trying on", "mail is delivered again");
/// outage.note(&Err::<(), _>("connection refused")); // logged
/// outage.note(&Err::<(), _>("connection refused"));
/// outage.note(&Ok::<_, &str>(())); // logged, with how long it took
/// ```
#[derive(Debug)]
pub struct Outage {
    began: &'static str,
    ended: &'static str,
    of: Option<String>,
    since: Mutex<Option<Instant>>,
}

/// An attempt after which things are not what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Began,
    Ended(Duration),
}

impl Outage {
    /// The sentences for the log: when attempts begin to fail, and when one succeeds again.
    pub fn new(began: &'static str, ended: &'static str) -> Self {
        Self { began, ended, of: None, since: Mutex::new(None) }
    }

    /// Names which of several like things it is.
    #[must_use]
    pub fn of(self, name: impl Display) -> Self {
        Self { of: Some(name.to_string()), ..self }
    }

    /// Notes how an attempt ended.
    pub fn note<T, E: Display>(&self, attempt: &Result<T, E>) {
        let Self { began, ended, of, .. } = self;
        match (self.turn(attempt.is_ok()), attempt) {
            (Some(Turn::Began), Err(error)) => tracing::warn!(outage.of = of.as_deref(), %error, "{began}"),
            (Some(Turn::Ended(lasted)), _) => {
                tracing::info!(outage.of = of.as_deref(), outage.seconds = lasted.as_secs_f64(), "{ended}");
            }
            _ => {}
        }
    }

    fn turn(&self, succeeded: bool) -> Option<Turn> {
        let mut since = self.since.lock();
        match (*since, succeeded) {
            (None, false) => {
                *since = Some(Instant::now());
                Some(Turn::Began)
            }
            (Some(_), true) => since.take().map(|began| Turn::Ended(began.elapsed())),
            (None, true) | (Some(_), false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_when_it_begins_and_when_it_ends() {
        let outage = Outage::new("it stopped", "it goes on").of("demo");
        let mut told = Vec::new();
        for succeeded in [true, false, false, true, true, false] {
            told.extend(outage.turn(succeeded));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(told, [Turn::Began, Turn::Ended(Duration::from_secs(2)), Turn::Began]);
    }
}
