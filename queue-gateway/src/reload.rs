//! Live reload: new rates, caps and access lists from a changed settings file, without a restart.

use std::{collections::BTreeMap, sync::Arc};

use contract::ids::QueueName;
use prometheus::IntCounter;
use tokio::sync::watch;

use crate::{
    baselines::ConfiguredEngine, http::access_lists::Access, line::Baseline, settings::Settings, streams::Streams,
};

/// Pushes the baselines of changed settings to the store, and takes up the access lists - which ends the streams of those who
/// are kept out now -, for as long as there are changes to come.
///
/// The set of queues, like everything else, is that of the start; what cannot be taken up is said in the log.
pub async fn follow(
    engine: Arc<ConfiguredEngine>,
    access: Access,
    streams: Arc<Streams>,
    started_with: Settings,
    mut changes: watch::Receiver<Arc<Settings>>,
) {
    let mut current = started_with.baselines();
    while changes.changed().await.is_ok() {
        let new = changes.borrow_and_update().clone();
        for section in started_with.needing_restart(&new) {
            tracing::warn!(section, "this section has changed and is taken up at the next restart only");
        }
        access.replace(new.access.clone());
        streams.end_those_from(|network| access.is_blocked(network.0));
        let mut baselines = new.baselines();
        baselines.retain(|queue, _| current.contains_key(queue));
        for (queue, baseline) in changed(&current, &baselines) {
            tracing::info!(
                %queue,
                rate_per_second = baseline.limits.rate_per_second,
                active_cap = baseline.limits.cap,
                "the settings of a queue have changed"
            );
        }
        // A queue that the file no longer has goes on as before.
        current.extend(baselines);
        engine.replace(current.clone()).await;
    }
}

/// Counts the texts of the settings file that were refused.
pub async fn count_refused(mut refused: watch::Receiver<u64>, counter: IntCounter) {
    while refused.changed().await.is_ok() {
        let all = *refused.borrow_and_update();
        counter.inc_by(all.saturating_sub(counter.get()));
    }
}

fn changed<'a>(
    old: &'a BTreeMap<QueueName, Baseline>,
    new: &'a BTreeMap<QueueName, Baseline>,
) -> impl Iterator<Item = (&'a QueueName, &'a Baseline)> {
    new.iter().filter(|(queue, baseline)| old.get(queue) != Some(baseline))
}
