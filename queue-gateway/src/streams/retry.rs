//! How long clients wait before they reconnect, drawn for each, so that one cut does not become one wave.

use std::{ops::Range, time::Duration};

use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng};

/// After a cut, in milliseconds.
const SOON: Range<u64> = 1_000..5_000;
/// When this gateway has no room or is stopping, others take the clients up, a few at a time; and whoever was told
/// something final has no need to come back.
const LATER: Range<u64> = 5_000..20_000;

/// Draws the pauses.
#[derive(Debug)]
pub(super) struct Retry(Mutex<StdRng>);

impl Retry {
    pub(super) fn new(random: StdRng) -> Self {
        Self(Mutex::new(random))
    }

    pub(super) fn soon(&self) -> Duration {
        Duration::from_millis(self.0.lock().random_range(SOON))
    }

    pub(super) fn later(&self) -> Duration {
        Duration::from_millis(self.0.lock().random_range(LATER))
    }

    /// At least half of `longest` and less than all of it.
    pub(super) fn part_of(&self, longest: Duration) -> Duration {
        longest.mul_f64(self.0.lock().random_range(0.5..1.0))
    }
}
