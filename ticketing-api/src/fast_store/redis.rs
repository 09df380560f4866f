//! Seat marks on Redis: for any number of instances.

mod scripts;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::ClientLike,
    types::{
        Builder, FromValue,
        config::{Config, ReconnectPolicy},
        scripts::Script,
    },
};

use secrecy::{ExposeSecret, SecretString};

use self::scripts::Scripts;
use super::{FastStore, FastStoreUnavailable, Mark};
use crate::booking::{concert::PerformanceId, hold::HoldId, seat::SeatNumber};

/// Waiting longer than this for a seat mark is worse than asking the database at once.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(250);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Commands that may wait for the connection; beyond it they fail at once.
const COMMAND_BUFFER: usize = 4096;
/// A master that hangs keeps its connection open; after so many timeouts in a row we leave it.
const TIMEOUTS_BEFORE_RECONNECT: u32 = 3;

/// The fast store that instances share.
#[derive(Debug)]
pub struct RedisFastStore {
    client: Client,
    scripts: Scripts,
    timeouts_in_a_row: AtomicU32,
}

/// The address is not one that the Redis client understands. It is not repeated here: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Redis address")]
pub struct InvalidRedisUrl;

impl RedisFastStore {
    /// A store that connects, and after a loss reconnects, in the background: a server that is down at our start
    /// costs speed alone, so it does not stop the start. Needs a tokio runtime.
    ///
    /// `redis://`, `rediss://`, `redis-cluster://` and `redis-sentinel://` addresses are understood.
    pub fn connect(url: &SecretString) -> Result<Self, InvalidRedisUrl> {
        // Not failing fast means that the policy below also covers the first connection.
        let config = Config { fail_fast: false, ..config(url)? };
        let client = Builder::from_config(config)
            .with_performance_config(|performance| performance.default_command_timeout = COMMAND_TIMEOUT)
            .with_connection_config(|connection| {
                connection.connection_timeout = CONNECT_TIMEOUT;
                connection.internal_command_timeout = CONNECT_TIMEOUT;
                connection.max_command_attempts = 1;
                connection.max_command_buffer_len = COMMAND_BUFFER;
            })
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 2_000, 2))
            .build()
            .map_err(|_| InvalidRedisUrl)?;
        drop(client.connect());
        Ok(Self { client, scripts: Scripts::new(), timeouts_in_a_row: AtomicU32::new(0) })
    }

    /// Whether the address can be understood; for settings, before anything is connected.
    pub fn check_url(url: &SecretString) -> Result<(), InvalidRedisUrl> {
        config(url).map(drop)
    }

    async fn run<R: FromValue>(
        &self,
        script: &Script,
        keys: Vec<String>,
        arguments: Vec<String>,
    ) -> Result<R, FastStoreUnavailable> {
        self.refuse_unless_connected()?;
        self.watched(script.evalsha_with_reload(&self.client, keys, arguments).await).await
    }

    /// Fails without a wait when there is no connection: a caller has the database to turn to.
    fn refuse_unless_connected(&self) -> Result<(), FastStoreUnavailable> {
        if self.client.is_connected() { Ok(()) } else { Err(FastStoreUnavailable("not connected".to_owned())) }
    }

    async fn watched<R>(&self, reply: Result<R, Error>) -> Result<R, FastStoreUnavailable> {
        match &reply {
            Err(error) if *error.kind() == ErrorKind::Timeout => {
                if self.timeouts_in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_BEFORE_RECONNECT {
                    self.timeouts_in_a_row.store(0, Ordering::Relaxed);
                    // It only fails when the client was never connected, and then there is nothing to leave.
                    let _never_connected = self.client.force_reconnection().await;
                }
            }
            _ => self.timeouts_in_a_row.store(0, Ordering::Relaxed),
        }
        reply.map_err(|error| FastStoreUnavailable(error.to_string()))
    }
}

fn config(url: &SecretString) -> Result<Config, InvalidRedisUrl> {
    Config::from_url(url.expose_secret()).map_err(|_| InvalidRedisUrl)
}

/// The keys of some seats. The braces make the performance the hash tag: a Cluster keeps its seats on one node.
fn keys(performance: PerformanceId, seats: &[SeatNumber]) -> Vec<String> {
    seats.iter().map(|seat| format!("seat:{{{performance}}}:{seat}")).collect()
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
        let arguments = vec![hold.to_string(), ttl.as_millis().max(1).to_string()];
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
        let _removed: i64 = self.run(&self.scripts.unmark, keys(performance, seats), vec![hold.to_string()]).await?;
        Ok(())
    }

    async fn ping(&self) -> Result<(), FastStoreUnavailable> {
        self.refuse_unless_connected()?;
        self.watched(self.client.ping::<()>(None).await).await
    }
}
