//! Watches the queue from outside during a run, through its public state.

use std::time::Duration;

use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use crate::client::{Call, Service};

/// What the queue showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// The highest rate in force, admissions per second.
    pub(super) rate_per_second: f64,
    /// The highest cap in force.
    pub(super) active_cap: u64,
    /// The most active users at one time.
    pub(super) most_active: u64,
    /// The longest line.
    pub(super) most_waiting: u64,
    /// How often it was looked at.
    pub(super) looks: u64,
}

/// The watcher's task.
pub(super) struct Observer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Observed>,
}

impl Observer {
    /// Looks at the queue ten times a second until stopped.
    pub(super) fn start(gateway: Service, queue: &str) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let call = Call::get(format!("/v1/queues/{queue}"));
        let task = tokio::spawn(async move {
            let mut observed = Observed::default();
            while stopped.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty) {
                // A look that gets no answer is left out: instances may be down on purpose.
                if let Ok(reply) = gateway.send(&call).await {
                    observed.note(&reply.body);
                }
                sleep(Duration::from_millis(100)).await;
            }
            observed
        });
        Self { stop, task }
    }

    /// Ends the watch.
    pub(super) async fn stop(self) -> Observed {
        drop(self.stop);
        self.task.await.unwrap_or_default()
    }
}

impl Observed {
    fn note(&mut self, state: &serde_json::Value) {
        let number = |name: &str| state[name].as_u64().unwrap_or(0);
        self.rate_per_second = self.rate_per_second.max(state["rate_per_second"].as_f64().unwrap_or(0.0));
        self.active_cap = self.active_cap.max(number("active_cap"));
        self.most_active = self.most_active.max(number("active"));
        self.most_waiting = self.most_waiting.max(number("waiting"));
        self.looks += 1;
    }
}
