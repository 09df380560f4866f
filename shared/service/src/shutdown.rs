//! The end of a process: noticed once, told to everybody, bounded in time.

use std::{io, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything finished in time.
    Completely,
    /// The deadline passed while this many tasks were still running.
    Partly(usize),
}

/// A token that is cancelled by the first SIGTERM or SIGINT. Must be called within a runtime, once, by `main`.
pub fn on_signal() -> io::Result<CancellationToken> {
    // Registered before returning: a signal during the rest of the start must not kill the process half-built.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = CancellationToken::new();
    let told = shutdown.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        told.cancel();
    });
    Ok(shutdown)
}

/// Waits until the tasks have finished, but not longer than the deadline. No task is ended here:
/// what to do with those that are left is the caller's decision.
pub async fn drain(tasks: &TaskTracker, deadline: Duration) -> Drained {
    tasks.close();
    if tokio::time::timeout(deadline, tasks.wait()).await.is_ok() {
        return Drained::Completely;
    }
    let left = tasks.len();
    tracing::warn!(tasks.left = left, "the drain deadline passed with work still in flight");
    Drained::Partly(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_waits_for_the_work_in_flight() {
        let (tasks, finish) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(finish.clone().cancelled_owned());
        let (drained, ()) = tokio::join!(drain(&tasks, Duration::from_mins(1)), async { finish.cancel() });
        assert_eq!(drained, Drained::Completely);
    }

    #[tokio::test]
    async fn a_drain_ends_at_its_deadline() {
        let tasks = TaskTracker::new();
        let stuck = tasks.spawn(std::future::pending::<()>());
        assert_eq!(drain(&tasks, Duration::from_millis(1)).await, Drained::Partly(1));
        stuck.abort();
    }

    #[tokio::test]
    async fn a_signal_asks_for_the_end_instead_of_being_it() {
        let shutdown = on_signal().unwrap();
        assert!(!shutdown.is_cancelled());
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
        tokio::time::timeout(Duration::from_mins(1), shutdown.cancelled()).await.unwrap();
    }
}
