//! Whether anybody is interested in a queue at this gateway: one that nobody asks for costs the store nothing.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::sync::{Notify, watch};

/// The longest that a request waits for a queue that has rested. What is known of it then has to do.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(1);

/// Interest in one queue, between the requests that have it and the loop that follows the queue for them.
#[derive(Debug)]
pub struct Interest {
    /// Since the loop looked last.
    asked: AtomicBool,
    /// The loop steps the queue.
    followed: watch::Sender<bool>,
    wake: Notify,
}

impl Default for Interest {
    /// Nobody has asked yet, and the loop is about to begin.
    fn default() -> Self {
        Self { asked: AtomicBool::new(false), followed: watch::Sender::new(true), wake: Notify::new() }
    }
}

impl Interest {
    /// Somebody asks for the queue. Returns once it is followed: at once, but for those who end a rest.
    pub async fn ask(&self) {
        if self.note() {
            return;
        }
        let mut followed = self.followed.subscribe();
        let _late = tokio::time::timeout(FOLLOWED_WITHIN, followed.wait_for(|followed| *followed)).await;
    }

    /// Somebody has to do with the queue. Ends a rest, and says whether the queue is followed.
    pub(crate) fn note(&self) -> bool {
        // Read first: thousands of requests a second would take the cache line from one another.
        if !self.asked.load(Ordering::SeqCst) {
            self.asked.store(true, Ordering::SeqCst);
        }
        let followed = *self.followed.borrow();
        if !followed {
            self.wake.notify_one();
        }
        followed
    }

    /// Whether anybody has asked since the last call.
    pub(crate) fn take(&self) -> bool {
        self.asked.swap(false, Ordering::SeqCst)
    }

    /// The queue is followed no more, from this on: whoever asks waits. Says whether nobody had asked before they could
    /// see that; if somebody had, the rest does not begin.
    pub(crate) fn begin_rest(&self) -> bool {
        self.followed.send_replace(false);
        let nobody = !self.asked.load(Ordering::SeqCst);
        if !nobody {
            self.satisfy();
        }
        nobody
    }

    /// Returns when somebody asks, or has asked since the rest began.
    pub(crate) async fn asked(&self) {
        while !self.asked.load(Ordering::SeqCst) {
            self.wake.notified().await;
        }
    }

    /// The queue was followed, or it was tried.
    pub(crate) fn satisfy(&self) {
        self.followed.send_if_modified(|followed| !std::mem::replace(followed, true));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_ends_a_rest_waits_until_the_queue_is_followed_again() {
        let interest = Interest::default();
        assert!(interest.ask().now_or_never().is_some(), "it is followed");
        assert!(interest.take() && !interest.take());
        assert!(interest.begin_rest());
        assert!(interest.asked().now_or_never().is_none());
        let mut ask = Box::pin(interest.ask());
        assert!((&mut ask).now_or_never().is_none());
        assert!(interest.asked().now_or_never().is_some());
        assert!((&mut ask).now_or_never().is_none());
        interest.satisfy();
        assert!((&mut ask).now_or_never().is_some());
        assert!(interest.take());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_before_the_rest_begins_prevents_it() {
        let interest = Interest::default();
        interest.ask().await;
        assert!(!interest.begin_rest());
        assert!(interest.ask().now_or_never().is_some(), "it is followed still");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let interest = Interest::default();
        assert!(interest.begin_rest());
        interest.ask().await;
    }
}
