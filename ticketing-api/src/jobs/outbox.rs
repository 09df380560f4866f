//! Tells the gateway what a payment's transaction wrote down for it: at least once, until it arrives.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contract::clock::SharedClock;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng};
use service::outage::Outage;

use super::Job;
use crate::{
    gateway::GatewayClient,
    metrics::JobMetrics,
    store::{OutboxEvent, OutboxMessage, StoreError, TicketStore},
};

/// Messages taken at a time.
const BATCH: u32 = 100;
/// Deliveries under way at once.
const CONCURRENT: usize = 16;
/// How long a batch is ours alone: well above what delivering it takes, even when every call times out.
const LEASE: Duration = Duration::from_mins(1);

/// The dispatcher.
#[derive(Debug)]
pub struct OutboxDispatcher {
    /// Where the messages are.
    pub store: Arc<dyn TicketStore>,
    /// Whom they are for.
    pub gateway: Arc<GatewayClient>,
    /// When a failed delivery is tried again.
    pub backoff: Backoff,
    /// Of deliveries.
    pub outage: Outage,
    /// What makes the pauses differ.
    pub rng: Mutex<StdRng>,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: JobMetrics,
}

/// Pauses that double from try to try.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Before the second try.
    pub first: Duration,
    /// Between two tries at the longest.
    pub longest: Duration,
}

impl Backoff {
    /// The pause after so many failed tries before this one: half to one and a half of the doubled time, so that
    /// messages that failed together do not come back together.
    fn pause(self, attempts: u32, rng: &mut impl Rng) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempts).unwrap_or(u32::MAX));
        doubled.min(self.longest).mul_f64(rng.random_range(0.5..1.5))
    }
}

#[async_trait]
impl Job for OutboxDispatcher {
    const NAME: &str = "outbox";
    type Error = StoreError;

    async fn run(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let lease_until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        let due = self.store.due_messages(now, lease_until, BATCH).await?;
        let count = due.len();
        self.metrics.outbox_due.set(i64::try_from(count).unwrap_or(i64::MAX));
        let results: Vec<_> =
            stream::iter(due).map(|message| self.deliver(message)).buffer_unordered(CONCURRENT).collect().await;
        let delivered: Vec<bool> = results.into_iter().collect::<Result<_, _>>()?;
        // With the gateway down the next batch would fail as well: let the interval pass.
        Ok(count >= BATCH as usize && delivered.contains(&true))
    }
}

impl OutboxDispatcher {
    /// What the log says when deliveries fail.
    pub fn outage() -> Outage {
        Outage::new(
            "messages to the gateway are not delivered: trying on",
            "messages to the gateway are delivered again",
        )
    }

    /// Whether the message arrived. What cannot be written down is repeated when the lease ends.
    async fn deliver(&self, message: OutboxMessage) -> Result<bool, StoreError> {
        let delivery = match &message.event {
            OutboxEvent::ReleaseToken { token, queue } => self.gateway.release(*token, queue.clone()).await,
        };
        self.metrics.delivery(delivery.is_ok());
        self.outage.note(&delivery);
        let now = self.clock.now();
        if delivery.is_ok() {
            self.store.message_delivered(message.id, now).await?;
        } else {
            let pause = self.backoff.pause(message.attempts, &mut *self.rng.lock());
            let retry_at = now.checked_add(pause).unwrap_or(Timestamp::MAX);
            self.store.message_failed(message.id, retry_at).await?;
        }
        Ok(delivery.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_differ() {
        let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(1) };
        let mut rng = StdRng::seed_from_u64(1);
        for (attempts, middle) in [(0, 1.0), (1, 2.0), (5, 32.0), (6, 60.0), (31, 60.0), (u32::MAX, 60.0)] {
            let pause = backoff.pause(attempts, &mut rng).as_secs_f64();
            assert!((middle * 0.5..middle * 1.5).contains(&pause), "{pause} after {attempts}");
        }
        assert_ne!(backoff.pause(0, &mut rng), backoff.pause(0, &mut rng));
    }
}
