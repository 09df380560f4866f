//! Brings the settings to the store, for as long as it takes.

use std::{collections::BTreeSet, time::Duration};

use contract::ids::QueueName;
use futures_util::{StreamExt, stream};
use service::outage::Outage;

use super::{ConfiguredEngine, refused::tell_of_refused};
use crate::engine::EngineError;

/// Pause between two attempts to push the baselines to a store that does not answer.
const PUSH_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Baselines that are on their way to the store at one time: a dead node of several costs each of its queues a timeout.
const PUSHED_AT_ONCE: usize = 64;

impl ConfiguredEngine {
    /// Pushes every baseline, for as long as it takes: a gateway may start before its store. Repeating is harmless.
    pub async fn push(&self) {
        self.push_those_of(self.baselines.load().keys().cloned().collect()).await;
    }

    /// As [`push`](Self::push), of these queues. One that cannot be reached keeps no other waiting, since of several
    /// nodes one may be dead for long.
    pub async fn push_those_of(&self, queues: BTreeSet<QueueName>) {
        let outage = Outage::new(
            "the queues' settings cannot be written to the store yet: trying on",
            "the queues' settings are in the store",
        );
        let mut left: Vec<QueueName> = queues.into_iter().collect();
        loop {
            let attempts: Vec<_> = left.into_iter().map(|queue| self.push_one(queue)).collect();
            let attempts: Vec<_> = stream::iter(attempts).buffer_unordered(PUSHED_AT_ONCE).collect().await;
            let failed: Vec<_> = attempts.into_iter().filter_map(Result::err).collect();
            outage.note(&failed.first().map_or(Ok(()), |(_, error)| Err(error)));
            if failed.is_empty() {
                return;
            }
            left = failed.into_iter().map(|(queue, _)| queue).collect();
            tokio::time::sleep(PUSH_AGAIN_AFTER).await;
        }
    }

    /// Reads the baseline afresh, so that an attempt that waits out an outage never pushes what has been replaced
    /// meanwhile.
    async fn push_one(&self, queue: QueueName) -> Result<(), (QueueName, EngineError)> {
        let Some(baseline) = self.baselines.load().get(&queue).cloned() else { return Ok(()) };
        match self.begin_anew(&queue, baseline.clone()).await {
            Ok(stats) => {
                tell_of_refused(&queue, &baseline, &stats.control);
                Ok(())
            }
            Err(error) => Err((queue, error)),
        }
    }
}
