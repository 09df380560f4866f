//! Readings of the log's end that requests wait for: one for all who wait.
//!
//! What one gateway told, the next does not take back: whoever asks is answered from a reading that began after they
//! asked, so it holds whatever another gateway had told them before.

use std::{sync::Arc, time::Duration};

use service::gathering::{Asker, Gathering, gathering, unless_it_panics};
use tokio::time::Instant;

use super::Follower;

/// Least time between the beginnings of two readings. One that is late, since timers are by up to a millisecond, lets
/// the next one begin earlier.
const AT_MOST_EVERY: Duration = Duration::from_millis(1);
/// Requests that may wait for a reading. Connections are fewer; above it requests wait to be able to wait.
const MOST_WAITING: usize = 16_384;

/// The store could not be read: what is known here may be older than what another gateway has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

/// Asks for readings of one queue's log.
#[derive(Debug)]
pub struct Readings(Asker<(), Result<(), Stale>>);

impl Readings {
    /// Readings of a queue, and the loop that does them; it ends when this is dropped.
    pub fn of(follower: Arc<Follower>) -> (Self, impl Future<Output = ()> + Send) {
        let (asker, gathered) = gathering(MOST_WAITING);
        (Self(asker), read_for(follower, gathered))
    }

    /// Returns once the mirror holds everything that was in the log when this was called.
    pub async fn fresh(&self) -> Result<(), Stale> {
        self.0.ask(()).await.unwrap_or(Err(Stale))
    }
}

async fn read_for(follower: Arc<Follower>, mut gathered: Gathering<(), Result<(), Stale>>) {
    let mut due = Instant::now();
    while gathered.questions(MOST_WAITING).await.is_some() {
        due = (due + AT_MOST_EVERY).max(Instant::now());
        // Why it failed was counted where the engine was called, and is logged by the loop of steps, which meets it
        // too.
        let answer = unless_it_panics(follower.read_on()).await.map_or(Err(Stale), |read| read.map_err(|_| Stale));
        gathered.answer(std::iter::repeat(answer));
        tokio::time::sleep_until(due).await;
    }
}
