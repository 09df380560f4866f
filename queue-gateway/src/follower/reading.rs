//! Readings of the log's end that requests wait for: one for all who wait.
//!
//! What one gateway told, the next does not take back: whoever asks is answered from a reading that began after they
//! asked, so it holds whatever another gateway had told them before.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::Follower;

/// Least time between the beginnings of two readings.
const AT_MOST_EVERY: Duration = Duration::from_millis(1);
/// Requests that may wait for a reading. Connections are fewer; above it requests wait to be able to wait.
const MOST_WAITING: usize = 16_384;

/// The store could not be read: what is known here may be older than what another gateway has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

/// Asks for readings of one queue's log.
#[derive(Clone, Debug)]
pub struct Readings(mpsc::Sender<oneshot::Sender<Result<(), Stale>>>);

impl Readings {
    /// Readings of a queue, and the loop that does them; it ends when the last handle is dropped.
    pub fn of(follower: Arc<Follower>) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        (Self(sender), read_for(follower, receiver))
    }

    /// Returns once the mirror holds everything that was in the log when this was called.
    pub async fn fresh(&self) -> Result<(), Stale> {
        let (done, answer) = oneshot::channel();
        self.0.send(done).await.map_err(|_| Stale)?;
        answer.await.unwrap_or(Err(Stale))
    }
}

async fn read_for(follower: Arc<Follower>, mut waiting: mpsc::Receiver<oneshot::Sender<Result<(), Stale>>>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, MOST_WAITING).await > 0 {
        let began = Instant::now();
        // Why it failed was counted where the engine was called, and is logged by the loop of steps, which meets it too.
        let answer = follower.read_on().await.map_err(|_| Stale);
        for done in batch.drain(..) {
            // Whoever waited may be gone.
            let _ = done.send(answer);
        }
        tokio::time::sleep_until(began + AT_MOST_EVERY).await;
    }
}
