//! The pool: several connections, used in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use fred::{
    error::Error,
    types::{
        Builder, FromValue, InfoKind, Key, Value,
        config::{Config, ReconnectError, ReconnectPolicy, TcpConfig},
        scripts::Script,
    },
};

use super::{InvalidUrl, RedisSettings, connection::Connection};

/// Why there is no connection at the start. Later losses are mended without asking, and show as errors of the calls.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings' url is not one of a Redis.
    #[error(transparent)]
    InvalidUrl(#[from] InvalidUrl),
    /// Nobody answers at the address.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(String),
    /// The server is there and refuses us.
    #[error("Redis refuses the user or the password of the settings: {0}")]
    Refused(String),
}

/// Connections to one Redis, each driven by a task of its own that reconnects for as long as this value lives.
#[derive(Debug)]
pub struct Connections {
    connections: Vec<Connection>,
    turn: AtomicUsize,
}

impl Connections {
    /// Connects, or says within the connect timeout why not.
    pub async fn open(settings: &RedisSettings) -> Result<Self, ConnectError> {
        let builder = builder(settings, settings.config()?);
        let mut connections = Vec::with_capacity(settings.pool_size);
        for _ in 0..settings.pool_size {
            connections.push(Connection::open(client(&builder)?, settings.connect_timeout).await?);
        }
        Ok(Self { connections, turn: AtomicUsize::new(0) })
    }

    /// Connects in the background, for as long as it takes: a server that is down does not stop the start, and calls
    /// fail until it is there. Must be called within a runtime.
    pub fn open_in_background(settings: &RedisSettings) -> Result<Self, InvalidUrl> {
        // Not failing fast means that the first connection too is tried again.
        let builder = builder(settings, Config { fail_fast: false, ..settings.config()? });
        let connection = |_| Ok(Connection::open_in_background(client(&builder)?));
        let connections = (0..settings.pool_size).map(connection).collect::<Result<_, _>>()?;
        Ok(Self { connections, turn: AtomicUsize::new(0) })
    }

    /// Runs a script: by its hash, or by its text where the server does not know it yet.
    pub async fn run<R: FromValue>(&self, script: &Script, keys: Vec<Key>, args: Vec<Value>) -> Result<R, Error> {
        self.next().run(script, keys, args).await
    }

    /// What a server tells of itself.
    pub async fn info(&self, section: InfoKind) -> Result<String, Error> {
        self.next().info(section).await
    }

    /// Asks a server for a sign of life.
    pub async fn ping(&self) -> Result<(), Error> {
        self.next().ping().await
    }

    /// Whether a call would find a connection. For callers who have somewhere else to turn: the others may as well
    /// call, since a connection is often back within the command timeout.
    pub fn is_connected(&self) -> bool {
        self.connections.iter().any(Connection::is_connected)
    }

    /// The next in turn that is connected: one that is still reconnecting would only make the call wait.
    fn next(&self) -> &Connection {
        let (turn, count) = (self.turn.fetch_add(1, Ordering::Relaxed), self.connections.len());
        let in_turn = || (0..count).map(|offset| &self.connections[turn.wrapping_add(offset) % count]);
        in_turn().find(|connection| connection.is_connected()).unwrap_or(&self.connections[turn % count])
    }
}

fn client(builder: &Builder) -> Result<fred::clients::Client, InvalidUrl> {
    builder.build().map_err(|_| InvalidUrl)
}

fn builder(settings: &RedisSettings, config: Config) -> Builder {
    let mut builder = Builder::from_config(config);
    builder
        .with_connection_config(|connection| {
            connection.connection_timeout = settings.connect_timeout;
            connection.internal_command_timeout = settings.connect_timeout;
            // A step that was sent may have been done: whether to repeat it is for the caller to say.
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
        // For ever, and at least once a second: work should go on as soon as Redis is back.
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 1_000, 2));
    builder
}
