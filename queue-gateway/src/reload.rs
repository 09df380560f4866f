//! Live reload: new rates, caps and access lists from a changed settings file, without a restart.

use std::{collections::BTreeSet, sync::Arc};

use contract::clock::SharedClock;
use prometheus::IntCounter;
use tokio::sync::watch;

use crate::{baselines::ConfiguredEngine, http::access_lists::Access, settings::Settings, streams::Streams};

/// Pushes the baselines of changed settings to the store, and takes up the access lists - which ends the streams of
/// those who are kept out now -, for as long as there are changes to come.
///
/// The set of queues, like everything else, is that of the start; what cannot be taken up is said in the log.
pub async fn follow(
    engine: Arc<ConfiguredEngine>,
    access: Access,
    streams: Arc<Streams>,
    started_with: Settings,
    clock: SharedClock,
    mut changes: watch::Receiver<Arc<Settings>>,
) {
    let mut current = started_with.baselines(clock.now());
    let mut unpushed = BTreeSet::new();
    let mut news = changes.changed().await;
    while news.is_ok() {
        let new = changes.borrow_and_update().clone();
        for section in started_with.needing_restart(&new) {
            tracing::warn!(section, "this section has changed and is taken up at the next restart only");
        }
        access.replace(new.access.clone());
        streams.end_those_from(|network| access.is_blocked(network.0));
        let mut baselines = new.baselines(clock.now());
        // A queue that the file no longer has goes on as before.
        baselines.retain(|queue, new| current.get(queue).is_some_and(|old| !old.says_the_same(new)));
        for (queue, baseline) in &baselines {
            tracing::info!(
                %queue,
                rate_per_second = baseline.limits.rate_per_second,
                active_cap = baseline.limits.cap,
                "the settings of a queue have changed"
            );
        }
        unpushed.extend(baselines.keys().cloned());
        current.extend(baselines.clone());
        engine.replace(baselines);
        // A queue that cannot be reached must not keep the next change waiting.
        news = tokio::select! {
            news = changes.changed() => news,
            () = engine.push_those_of(unpushed.clone()) => {
                unpushed.clear();
                changes.changed().await
            }
        };
    }
}

/// Counts the texts of the settings file that were refused.
pub async fn count_refused(mut refused: watch::Receiver<u64>, counter: IntCounter) {
    while refused.changed().await.is_ok() {
        let all = *refused.borrow_and_update();
        counter.inc_by(all.saturating_sub(counter.get()));
    }
}
