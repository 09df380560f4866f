//! Keeps what the settings say of each queue in the store: at start, on live reload, and when the store has lost it.
//! Then what operators had ordered goes back into it as well: a queue that they paused does not open because Redis was
//! emptied.
//!
//! Gateways need not have the same settings. The newest that any of them has, or has heard of, are in force.

mod pushing;
mod refused;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use contract::ids::{ActiveTokenId, MemberId, QueueName, VisitorId};
use jiff::Timestamp;
use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng};
use service::outage::Outage;

use crate::{
    engine::{EngineError, QueueEngine, Risk},
    line::{
        BY_GATEWAYS, Baseline, Beginning, Change, Claim, Control, ControlChange, Deal, DrawSecret, Epoch, JoinReply,
        JoinRequest, LinePage, LogIndex, Memory, MemoryPage, Place, Readmission, Rejoined, RememberedSlot, Report,
        Revocation, Sequence, Snapshot, Standing, Stats, Step, Tail,
    },
    metrics::Metrics,
};

/// Of a queue that has just begun: nothing has been changed in it yet.
const FIRST_REVISION: u64 = 1;

/// An engine that configures a queue by itself when the store does not have it, and counts what fails.
///
/// Everybody in the gateway talks to the store through it, so no other place has to know that a store can be emptied.
#[derive(Debug)]
pub struct ConfiguredEngine {
    engine: Arc<dyn QueueEngine>,
    /// What this gateway's settings say.
    baselines: ArcSwap<BTreeMap<QueueName, Baseline>>,
    /// The newest of any gateway that were heard of.
    newest: Mutex<BTreeMap<QueueName, Baseline>>,
    /// Of each queue, when the store was last heard.
    orders: Mutex<BTreeMap<QueueName, Orders>>,
    random: Mutex<StdRng>,
    metrics: Arc<Metrics>,
    /// Other gateways may use the store, and remember what it has lost.
    is_shared: bool,
    /// A queue that the store has lost: in a rush thousands meet the loss at once.
    loss: Outage,
}

/// What operators had ordered and what a draw was sealed with, and in which epoch.
#[derive(Clone, Debug)]
struct Orders {
    epoch: Epoch,
    revision: u64,
    change: ControlChange,
    /// `None` once the draw has shown it.
    secret: Option<DrawSecret>,
}

impl ConfiguredEngine {
    /// Nothing is pushed yet. `random` makes the secrets of draws.
    pub fn new(
        engine: Arc<dyn QueueEngine>,
        baselines: BTreeMap<QueueName, Baseline>,
        metrics: Arc<Metrics>,
        random: StdRng,
    ) -> Self {
        Self {
            engine,
            baselines: ArcSwap::from_pointee(baselines),
            newest: Mutex::default(),
            orders: Mutex::default(),
            random: Mutex::new(random),
            metrics,
            is_shared: false,
            loss: Outage::new("the store does not have a queue: configuring it", "the store has the queue again"),
        }
    }

    /// Other gateways may use the store: a queue that it begins waits for what they remember.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// Replaces some of the baselines, which are still to be pushed. A change that is seen is newer than all that was
    /// heard of, whatever the clocks of others show, and whatever the age of a file: it may be a former one that is
    /// back.
    pub fn replace(&self, mut changed: BTreeMap<QueueName, Baseline>) {
        for (queue, baseline) in &mut changed {
            let later = self.newest(queue).and_then(|known| known.as_of.checked_add(Duration::from_micros(1)).ok());
            baseline.as_of = later.map_or(baseline.as_of, |later| later.max(baseline.as_of));
        }
        let mut baselines = BTreeMap::clone(&self.baselines.load());
        baselines.extend(changed);
        self.baselines.store(Arc::new(baselines));
    }

    /// Does a step; if the store does not have the queue, configures it and does the step once more.
    async fn configured<R, F>(&self, queue: &QueueName, step: impl Fn() -> F) -> Result<R, EngineError>
    where
        F: Future<Output = Result<R, EngineError>>,
    {
        let attempt = self.counted(step().await);
        if !matches!(attempt, Err(EngineError::NotConfigured(_))) {
            return attempt;
        }
        let Some(baseline) = self.newest(queue) else { return attempt };
        self.loss.note(&attempt);
        let configured = self.begin_anew(queue, baseline).await;
        self.loss.note(&configured);
        configured?;
        self.counted(step().await)
    }

    /// Gives the store its settings, and a queue that it may have lost. Whoever comes between the two steps meets the
    /// settings alone.
    async fn begin_anew(&self, queue: &QueueName, baseline: Baseline) -> Result<Stats, EngineError> {
        let configured = self.configure(queue, baseline, self.beginning(queue)).await?;
        self.heard(queue, &configured).await?;
        Ok(configured)
    }

    /// The newest settings of a queue that this gateway has, or has heard of.
    fn newest(&self, queue: &QueueName) -> Option<Baseline> {
        let own = self.baselines.load().get(queue).cloned()?;
        let heard_of = self.newest.lock().get(queue).cloned();
        Some(heard_of.filter(|heard_of| heard_of.as_of > own.as_of).unwrap_or(own))
    }

    /// For a queue that is to begin: the secret that it had, so that what was committed to stands; else another.
    fn beginning(&self, queue: &QueueName) -> Beginning {
        let known = self.orders.lock().get(queue).map(|known| known.secret);
        let secret = known.flatten().unwrap_or_else(|| DrawSecret(self.random.lock().random()));
        Beginning { secret, may_be_known: self.is_shared || known.is_some() }
    }

    /// Remembers what governs the queue; or puts back what the store has lost of it.
    async fn heard(&self, queue: &QueueName, stats: &Stats) -> Result<(), EngineError> {
        self.heard_orders(queue, stats).await?;
        self.heard_settings(queue, &stats.control.baseline).await
    }

    /// A store that lost the last change of settings goes on with those of before, and whoever gave it a lost queue
    /// again may have had older ones.
    async fn heard_settings(&self, queue: &QueueName, in_force: &Baseline) -> Result<(), EngineError> {
        let own = self.baselines.load().get(queue).cloned();
        if let (Some(metrics), Some(own)) = (self.metrics.queues.get(queue), own) {
            metrics.settings_differ.set(i64::from(!own.says_the_same(in_force)));
        }
        let lost = {
            let mut newest = self.newest.lock();
            let known = newest.entry(queue.clone()).or_insert_with(|| in_force.clone());
            if known.as_of < in_force.as_of {
                *known = in_force.clone();
            }
            (known.as_of > in_force.as_of).then(|| known.clone())
        };
        if let Some(lost) = lost {
            tracing::warn!(%queue, "newer settings than the store has were in force: they go back into it");
            self.configure(queue, lost, self.beginning(queue)).await?;
        }
        Ok(())
    }

    /// Remembers what operators have ordered; or puts it back, where the store has lost it and nobody has ordered
    /// anything since: whichever gateway gave the store its queue again may have known of nothing.
    async fn heard_orders(&self, queue: &QueueName, stats: &Stats) -> Result<(), EngineError> {
        let nothing = ControlChange::default();
        let Stats { epoch, control, .. } = stats;
        let secret = control.draw.lots().is_none().then_some(control.draw.secret);
        let now = Orders { epoch: *epoch, revision: control.revision, change: orders_of(control), secret };
        let known = self.orders.lock().get(queue).cloned();
        if known.as_ref().is_some_and(|known| known.epoch == now.epoch && known.revision > now.revision) {
            // The store was set back, and is told of it with the line.
            return Ok(());
        }
        let lost = known.filter(|known| known.epoch < now.epoch && known.change != nothing);
        let now = match lost {
            Some(Orders { change, .. }) if stats.control.revision == FIRST_REVISION => {
                tracing::warn!(%queue, "what operators had ordered goes back into the store");
                self.counted(self.engine.control(queue, change.clone(), BY_GATEWAYS).await)?;
                Orders { change, ..now }
            }
            _ => now,
        };
        self.orders.lock().insert(queue.clone(), now);
        Ok(())
    }

    fn counted<R>(&self, reply: Result<R, EngineError>) -> Result<R, EngineError> {
        reply.inspect_err(|error| self.metrics.engine_error(error))
    }
}

/// The change that makes a fresh queue what operators have made of this one.
fn orders_of(control: &Control) -> ControlChange {
    ControlChange {
        rate_per_second: control.rate_override.map(Some),
        cap: control.cap_override.map(Some),
        opens_at: control.opens_at_override.map(Some),
        opening: control.opening_override.map(Some),
        // Of the draw that was lost.
        beacon: None,
        closes_at: control.closes_at_override.map(Some),
        drains_at: control.drains_at.map(Some),
        paused: control.paused.then_some(true),
        message: control.message_override.clone().map(Some),
    }
}

/// What governs a queue, with these orders and no others.
fn with_orders(control: &Control, orders: ControlChange) -> Control {
    Control {
        rate_override: orders.rate_per_second.flatten(),
        cap_override: orders.cap.flatten(),
        opens_at_override: orders.opens_at.flatten(),
        opening_override: orders.opening.flatten(),
        closes_at_override: orders.closes_at.flatten(),
        drains_at: orders.drains_at.flatten(),
        paused: orders.paused.unwrap_or(false),
        message_override: orders.message.flatten(),
        ..control.clone()
    }
}

#[async_trait]
impl QueueEngine for ConfiguredEngine {
    async fn configure(
        &self,
        queue: &QueueName,
        baseline: Baseline,
        beginning: Beginning,
    ) -> Result<Stats, EngineError> {
        self.counted(self.engine.configure(queue, baseline, beginning).await)
    }

    async fn rejoin(&self, queue: &QueueName, memory: &Memory) -> Result<Rejoined, EngineError> {
        // Operators may have ordered something since the last step.
        let control = match self.orders.lock().get(queue).cloned() {
            Some(Orders { epoch, revision, change, .. }) => {
                let newer = if epoch == memory.epoch { revision } else { 0 };
                let revision = memory.control.revision.max(newer);
                Control { revision, ..with_orders(&memory.control, change) }
            }
            None => memory.control.clone(),
        };
        let memory = Memory { control, ..memory.clone() };
        self.configured(queue, || self.engine.rejoin(queue, &memory)).await
    }

    async fn hand_back(&self, queue: &QueueName, page: &MemoryPage) -> Result<bool, EngineError> {
        self.configured(queue, || self.engine.hand_back(queue, page)).await
    }

    async fn join_many(&self, queue: &QueueName, requests: &[JoinRequest]) -> Result<Vec<JoinReply>, EngineError> {
        self.configured(queue, || self.engine.join_many(queue, requests)).await
    }

    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        self.configured(queue, || self.engine.status(queue, visitor)).await
    }

    async fn name(&self, queue: &QueueName, visitor: VisitorId, place: Place) -> Result<Standing, EngineError> {
        self.configured(queue, || self.engine.name(queue, visitor, place)).await
    }

    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        self.configured(queue, || self.engine.leave(queue, visitor)).await
    }

    async fn step(&self, queue: &QueueName, report: &Report) -> Result<Step, EngineError> {
        let step = self.configured(queue, || self.engine.step(queue, report)).await?;
        self.heard(queue, &step.stats).await?;
        Ok(step)
    }

    async fn deal(&self, queue: &QueueName, deal: &Deal) -> Result<u64, EngineError> {
        self.configured(queue, || self.engine.deal(queue, deal)).await
    }

    async fn arrive(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Standing, EngineError> {
        self.configured(queue, || self.engine.arrive(queue, token)).await
    }

    async fn claim(
        &self,
        queue: &QueueName,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
    ) -> Result<Claim, EngineError> {
        self.configured(queue, || self.engine.claim(queue, token, holder, readmission)).await
    }

    async fn release(&self, queue: &QueueName, token: ActiveTokenId) -> Result<bool, EngineError> {
        self.configured(queue, || self.engine.release(queue, token)).await
    }

    async fn revoke(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Revocation, EngineError> {
        self.configured(queue, || self.engine.revoke(queue, token)).await
    }

    async fn control(&self, queue: &QueueName, change: ControlChange, by: &str) -> Result<Control, EngineError> {
        let control = self.configured(queue, || self.engine.control(queue, change.clone(), by)).await?;
        if let Some(known) = self.orders.lock().get_mut(queue) {
            (known.revision, known.change) = (control.revision, orders_of(&control));
        }
        Ok(control)
    }

    async fn changes(&self, queue: &QueueName, limit: usize) -> Result<Vec<Change>, EngineError> {
        self.configured(queue, || self.engine.changes(queue, limit)).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError> {
        let stats = self.configured(queue, || self.engine.stats(queue)).await?;
        self.heard(queue, &stats).await?;
        Ok(stats)
    }

    async fn tail(&self, queue: &QueueName, epoch: Epoch, after: LogIndex, limit: usize) -> Result<Tail, EngineError> {
        self.configured(queue, || self.engine.tail(queue, epoch, after, limit)).await
    }

    async fn line(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        self.configured(queue, || self.engine.line(queue, above, limit)).await
    }

    async fn front(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        self.configured(queue, || self.engine.front(queue, above, limit)).await
    }

    async fn slots(
        &self,
        queue: &QueueName,
        from: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RememberedSlot>, EngineError> {
        self.configured(queue, || self.engine.slots(queue, from, limit)).await
    }

    async fn publish(&self, queue: &QueueName, snapshot: &Snapshot) -> Result<LogIndex, EngineError> {
        self.configured(queue, || self.engine.publish(queue, snapshot)).await
    }

    async fn snapshot(&self, queue: &QueueName) -> Result<Option<Snapshot>, EngineError> {
        self.configured(queue, || self.engine.snapshot(queue)).await
    }

    async fn risks(&self) -> Result<Vec<Risk>, EngineError> {
        self.engine.risks().await
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.counted(self.engine.ping().await)
    }
}
