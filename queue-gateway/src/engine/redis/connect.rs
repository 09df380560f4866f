//! The connections to Redis: a few, each driven by a task of its own, each watched for a server that hangs.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike, LuaInterface},
    types::{
        Builder, ClientState, Key, Value,
        config::{ReconnectError, ReconnectPolicy, TcpConfig},
        scripts::Script,
    },
};
use tokio_util::task::AbortOnDropHandle;

use super::{ConnectError, settings::RedisSettings};

/// Timeouts in a row after which an open connection is given up. The driver itself keeps a connection to a hung server
/// for as long as there is traffic on it.
const TIMEOUTS_TO_RECONNECT: u32 = 3;

/// All connections, used in turn.
#[derive(Debug)]
pub(super) struct Connections {
    lanes: Vec<Lane>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Lane {
    client: Client,
    timeouts: AtomicU32,
    /// Drives the connection, and reconnects for as long as the engine lives.
    _driver: AbortOnDropHandle<Result<(), Error>>,
}

impl Connections {
    pub(super) async fn open(settings: &RedisSettings) -> Result<Self, ConnectError> {
        let mut builder = Builder::from_config(settings.config().map_err(|_| ConnectError::InvalidUrl)?);
        builder
            .with_connection_config(|connection| {
                connection.connection_timeout = settings.connect_timeout;
                connection.internal_command_timeout = settings.connect_timeout;
                connection.max_command_attempts = 1;
                connection.max_command_buffer_len = settings.max_pending;
                connection.tcp = TcpConfig { nodelay: Some(true), ..TcpConfig::default() };
                connection.reconnect_errors = vec![
                    ReconnectError::ClusterDown,
                    ReconnectError::Loading,
                    ReconnectError::MasterDown,
                    ReconnectError::ReadOnly,
                ];
            })
            .with_performance_config(|performance| performance.default_command_timeout = settings.command_timeout)
            // For ever, and at least once a second: the queue should move again as soon as Redis is back.
            .set_policy(ReconnectPolicy::new_exponential(0, 50, 1_000, 2));

        let mut lanes = Vec::with_capacity(settings.pool_size);
        for _ in 0..settings.pool_size {
            let client = builder.build().map_err(|_| ConnectError::InvalidUrl)?;
            let driver = tokio::time::timeout(settings.connect_timeout, client.init())
                .await
                .map_err(|_| ConnectError::Unreachable("it does not answer".to_owned()))?
                .map_err(|error| ConnectError::Unreachable(error.to_string()))?;
            lanes.push(Lane { client, timeouts: AtomicU32::new(0), _driver: AbortOnDropHandle::new(driver) });
        }
        Ok(Self { lanes, turn: AtomicUsize::new(0) })
    }

    /// Runs a script: by its hash, or by its text where the server does not know it yet.
    pub(super) async fn run(&self, script: &Script, keys: Vec<Key>, args: Vec<Value>) -> Result<Value, Error> {
        let lane = self.next();
        let reply = match lane.client.evalsha(script.sha1().clone(), keys.clone(), args.clone()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let text = script.lua().cloned().unwrap_or_default();
                lane.client.eval(text, keys, args).await
            }
            reply => reply,
        };
        lane.watch(reply)
    }

    /// Asks a server for a sign of life.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        let lane = self.next();
        lane.watch(lane.client.ping::<()>(None).await)
    }

    /// The next in turn that is connected: one that is still reconnecting would only make the step wait.
    fn next(&self) -> &Lane {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = || (0..self.lanes.len()).map(|offset| &self.lanes[turn.wrapping_add(offset) % self.lanes.len()]);
        in_turn().find(|lane| lane.client.is_connected()).unwrap_or(&self.lanes[turn % self.lanes.len()])
    }
}

impl Lane {
    /// Counts timeouts; gives up a connection that looks open but has been mute for some of them in a row.
    fn watch<T>(&self, reply: Result<T, Error>) -> Result<T, Error> {
        if !matches!(&reply, Err(error) if *error.kind() == ErrorKind::Timeout) {
            self.timeouts.store(0, Ordering::Relaxed);
            return reply;
        }
        let timeouts = self.timeouts.fetch_add(1, Ordering::Relaxed) + 1;
        if timeouts >= TIMEOUTS_TO_RECONNECT && self.client.state() == ClientState::Connected {
            self.timeouts.store(0, Ordering::Relaxed);
            tracing::warn!("Redis has not answered {timeouts} times in a row: connecting again");
            let client = self.client.clone();
            // Not awaited by the caller: it answers when the connection is there again, which may be never.
            tokio::spawn(async move {
                if let Err(error) = client.force_reconnection().await {
                    tracing::debug!(%error, "connecting to Redis again was refused");
                }
            });
        }
        reply
    }
}
