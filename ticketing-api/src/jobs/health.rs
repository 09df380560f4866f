//! Asks the database how it is, so that the readiness probe can answer without waiting for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::Job;
use crate::{
    metrics::JobMetrics,
    store::{StoreError, TicketStore},
};

/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the last check found. Not healthy until the first.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// Whether the database answered the last check.
    pub fn database_answers(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The check.
#[derive(Debug)]
pub struct DatabaseHealth {
    /// Whom to ask.
    pub store: Arc<dyn TicketStore>,
    /// Where the result goes.
    pub health: Health,
    /// Where it is counted.
    pub metrics: JobMetrics,
}

#[async_trait]
impl Job for DatabaseHealth {
    const NAME: &str = "database_health";
    type Error = StoreError;

    async fn run(&self) -> Result<bool, StoreError> {
        let answer = tokio::time::timeout(TIMEOUT, self.store.ping()).await;
        let answer = answer.unwrap_or_else(|_| Err(StoreError::Unavailable(format!("no answer within {TIMEOUT:?}"))));
        self.health.0.store(answer.is_ok(), Ordering::Relaxed);
        self.metrics.database_up.set(i64::from(answer.is_ok()));
        self.metrics.connections(self.store.connections());
        answer.map(|()| false)
    }
}
