//! Watches the queue from outside during a run: through its public state, and with the operator's figures where the run
//! may see them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use http::StatusCode;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{task::JoinHandle, time::sleep};

use crate::client::{Call, Service};

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What the queue showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// The highest rate in force, admissions per second.
    pub(super) rate_per_second: f64,
    /// The highest cap in force.
    pub(super) active_cap: u64,
    /// Active users at the first look, before anybody came.
    pub(super) active_before: u64,
    /// The most active users at one time, until a loss of the store.
    pub(super) most_active: u64,
    /// The longest line.
    pub(super) most_waiting: u64,
    /// The most who were there at one time.
    pub(super) most_present: u64,
    /// The most passed places at one time.
    pub(super) most_parked: u64,
    /// How often it was looked at.
    pub(super) looks: u64,
    /// How long after everybody had left their slots were free; none where some were not.
    pub(super) settled_after: Option<Duration>,
    /// Slots that were still taken then.
    pub(super) still_active: u64,
    /// When the store lost its line, if it did.
    pub(super) loss: Option<Loss>,
    /// The last look at which it had not, by our clock.
    pub(super) whole_at: Option<Timestamp>,
    /// What the operator counts: before and after.
    pub(super) totals: Option<(Totals, Totals)>,
}

/// A store that lost its line, as the public state showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// The last look that showed nothing of it.
    pub(super) whole_at: Timestamp,
    /// The first look that did.
    pub(super) seen_at: Timestamp,
    /// The most active users at one time since.
    pub(super) most_active: u64,
}

/// What the operator counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Admissions.
    pub(super) admitted: u64,
    /// Slots whose visitor did not come.
    pub(super) no_shows: u64,
}

/// The operator's view, with the key to it.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    service: Service,
    call: Call,
}

/// The watcher's task.
pub(super) struct Observer {
    watch: JoinHandle<()>,
    observed: Arc<Mutex<Observed>>,
    look: Look,
    operator: Option<(Operator, Totals)>,
}

/// One look at the public state.
#[derive(Clone, Debug)]
struct Look {
    gateway: Service,
    call: Call,
}

impl Observer {
    /// Looks at the queue ten times a second until stopped.
    pub(super) async fn start(gateway: Service, queue: &str, operator: Option<Operator>) -> anyhow::Result<Self> {
        let look = Look { gateway, call: Call::get(format!("/v1/queues/{queue}")) };
        let operator = match operator {
            Some(operator) => Some((operator.clone(), operator.totals().await?)),
            None => None,
        };
        let mut first = Observed::default();
        let state = look.once().await.context("the queue's public state does not answer")?;
        first.note(&state, Timestamp::now());
        first.active_before = first.most_active;
        let observed = Arc::new(Mutex::new(first));
        let (eye, seen) = (look.clone(), Arc::clone(&observed));
        let watch = tokio::spawn(async move {
            loop {
                sleep(PAUSE).await;
                // A look that gets no answer is left out: instances may be down on purpose.
                let now = Timestamp::now();
                if let Some(state) = eye.once().await {
                    seen.lock().note(&state, now);
                }
            }
        });
        Ok(Self { watch, observed, look, operator })
    }

    /// Notes what the operator counts by now.
    pub(super) async fn note_totals(&self) -> anyhow::Result<()> {
        if let Some((operator, before)) = &self.operator {
            let after = operator.totals().await?;
            self.observed.lock().totals = Some((*before, after));
        }
        Ok(())
    }

    /// Waits until the slots are free that were taken since the beginning, at most for `patience`, and ends the watch.
    pub(super) async fn stop(self, patience: Duration) -> Observed {
        let began = Instant::now();
        let before = self.observed.lock().active_before;
        let mut still = u64::MAX;
        while still > 0 && began.elapsed() < patience {
            if let Some(state) = self.look.once().await {
                still = state["active"].as_u64().unwrap_or(0).saturating_sub(before);
            }
            sleep(PAUSE).await;
        }
        self.watch.abort();
        let mut observed = self.observed.lock().clone();
        observed.still_active = still;
        observed.settled_after = (still == 0).then(|| began.elapsed());
        observed
    }
}

impl Look {
    async fn once(&self) -> Option<Value> {
        let reply = self.gateway.send(&self.call).await.ok()?;
        (reply.status == StatusCode::OK).then_some(reply.body)
    }
}

impl Operator {
    /// The operator of a queue.
    pub(super) fn new(service: Service, queue: &str, key: &str) -> Self {
        Self { service, call: Call::get(format!("/v1/admin/queues/{queue}")).bearer(key) }
    }

    async fn totals(&self) -> anyhow::Result<Totals> {
        let reply = self.service.send(&self.call).await?;
        if reply.status != StatusCode::OK {
            bail!("the operator's view was answered with {} {}", reply.status, reply.body);
        }
        let number = |name: &str| reply.body[name].as_u64().unwrap_or(0);
        Ok(Totals { admitted: number("admitted_total"), no_shows: number("no_shows_total") })
    }
}

impl Observed {
    /// Takes in what was asked for at `now`.
    fn note(&mut self, state: &Value, now: Timestamp) {
        let number = |name: &str| state[name].as_u64().unwrap_or(0);
        self.rate_per_second = self.rate_per_second.max(state["rate_per_second"].as_f64().unwrap_or(0.0));
        self.active_cap = self.active_cap.max(number("active_cap"));
        if state["state"] != "rejoining" {
            self.whole_at = Some(now);
        } else if let (None, Some(whole_at)) = (self.loss, self.whole_at) {
            // A shared store that begins a queue waits as well; that is no loss.
            self.loss = Some(Loss { whole_at, seen_at: now, most_active: 0 });
        }
        let most_active = self.loss.as_mut().map_or(&mut self.most_active, |loss| &mut loss.most_active);
        *most_active = (*most_active).max(number("active"));
        self.most_waiting = self.most_waiting.max(number("waiting"));
        self.most_present = self.most_present.max(number("present"));
        self.most_parked = self.most_parked.max(number("parked"));
        self.looks += 1;
    }
}
