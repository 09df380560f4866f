//! Waiting for what real servers do in their own time.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

/// So long at most: machines that run tests are slow at times.
const PATIENCE: Duration = Duration::from_secs(40);
/// Time between two attempts.
const BETWEEN: Duration = Duration::from_millis(5);

/// Asks again and again, for forty seconds.
///
/// # Panics
/// When the condition does not come true.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    eventually_some(what, async || condition().await.then_some(())).await;
}

/// Tries again and again, for forty seconds, until there is an answer.
///
/// # Panics
/// When there is none.
pub async fn eventually_some<T>(what: &str, attempt: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut attempts = tokio::time::interval(BETWEEN);
    attempts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        attempts.tick().await;
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never came about that {what}");
    }
}
