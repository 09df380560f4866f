//! Drops what ended long ago and would otherwise grow with traffic for ever.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contract::clock::SharedClock;
use jiff::Timestamp;

use super::Job;
use crate::{
    metrics::JobMetrics,
    store::{StoreError, TicketStore},
};

/// Rows of a kind dropped in one transaction.
const BATCH: u32 = 1000;

/// Forgets old records.
#[derive(Debug)]
pub struct Housekeeping {
    /// Where they are.
    pub store: Arc<dyn TicketStore>,
    /// How long they are kept.
    pub keep_for: Duration,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: JobMetrics,
}

#[async_trait]
impl Job for Housekeeping {
    const NAME: &str = "housekeeping";
    type Error = StoreError;

    async fn run(&self) -> Result<bool, StoreError> {
        let older_than = self.clock.now().checked_sub(self.keep_for).unwrap_or(Timestamp::MIN);
        let forgotten = self.store.forget(older_than, BATCH).await?;
        self.metrics.forgotten.inc_by(forgotten);
        Ok(forgotten >= u64::from(BATCH))
    }
}
