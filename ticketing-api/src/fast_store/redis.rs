//! Seat marks on Redis: for any number of instances.

mod scripts;

use std::time::Duration;

use async_trait::async_trait;
use fred::{
    error::Error,
    types::{FromValue, Key, Value, scripts::Script},
};
use service::redis::{Connections, InvalidUrl, RedisSettings};

use self::scripts::Scripts;
use super::{FastStore, FastStoreUnavailable, Mark};
use crate::booking::{concert::PerformanceId, hold::HoldId, seat::SeatNumber};

/// The fast store that instances share.
#[derive(Debug)]
pub struct RedisFastStore {
    connections: Connections,
    scripts: Scripts,
}

impl RedisFastStore {
    /// A store that connects in the background: a server that is down at our start costs speed alone, so it does not
    /// stop the start. Must be called within a runtime.
    pub fn connect(settings: &RedisSettings) -> Result<Self, InvalidUrl> {
        Ok(Self { connections: Connections::open_in_background(settings)?, scripts: Scripts::new() })
    }

    async fn run<R: FromValue>(
        &self,
        script: &Script,
        keys: Vec<Key>,
        arguments: Vec<Value>,
    ) -> Result<R, FastStoreUnavailable> {
        self.refuse_unless_connected(&keys)?;
        self.connections.run(script, keys, arguments).await.map_err(unavailable)
    }

    /// Fails without a wait when there is no connection: a caller has the database to turn to.
    fn refuse_unless_connected(&self, keys: &[Key]) -> Result<(), FastStoreUnavailable> {
        if self.connections.is_connected(keys) { Ok(()) } else { Err(FastStoreUnavailable("not connected".to_owned())) }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn unavailable(error: Error) -> FastStoreUnavailable {
    FastStoreUnavailable(error.to_string())
}

/// The keys of some seats. The braces make the performance the hash tag: a Cluster keeps its seats on one node.
fn keys(performance: PerformanceId, seats: &[SeatNumber]) -> Vec<Key> {
    seats.iter().map(|seat| format!("seat:{{{performance}}}:{seat}").into()).collect()
}

#[async_trait]
impl FastStore for RedisFastStore {
    async fn mark(
        &self,
        performance: PerformanceId,
        seats: &[SeatNumber],
        hold: HoldId,
        ttl: Duration,
    ) -> Result<Mark, FastStoreUnavailable> {
        if seats.is_empty() {
            return Ok(Mark::Marked);
        }
        // Redis refuses an expiry of zero.
        let arguments = vec![hold.to_string().into(), ttl.as_millis().max(1).to_string().into()];
        let taken: Vec<usize> = self.run(&self.scripts.mark, keys(performance, seats), arguments).await?;
        let taken: Vec<_> = taken.into_iter().filter_map(|index| seats.get(index.wrapping_sub(1)).copied()).collect();
        Ok(if taken.is_empty() { Mark::Marked } else { Mark::Taken(taken) })
    }

    async fn unmark(
        &self,
        performance: PerformanceId,
        seats: &[SeatNumber],
        hold: HoldId,
    ) -> Result<(), FastStoreUnavailable> {
        if seats.is_empty() {
            return Ok(());
        }
        let _removed: i64 =
            self.run(&self.scripts.unmark, keys(performance, seats), vec![hold.to_string().into()]).await?;
        Ok(())
    }

    async fn ping(&self) -> Result<(), FastStoreUnavailable> {
        self.refuse_unless_connected(&[])?;
        self.connections.ping().await.map_err(unavailable)
    }
}
