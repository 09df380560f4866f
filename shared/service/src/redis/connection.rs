//! One connection, watched for a server that hangs.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike, LuaInterface},
    types::{ClientState, FromValue, InfoKind, Key, Value, scripts::Script},
};
use tokio_util::task::AbortOnDropHandle;

use super::ConnectError;

/// Timeouts in a row after which an open connection is given up. The driver itself keeps a connection to a hung server
/// for as long as there is traffic on it.
const TIMEOUTS_TO_RECONNECT: u32 = 3;

#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    timeouts: AtomicU32,
    /// Drives the connection, and reconnects for as long as this value lives.
    _driver: AbortOnDropHandle<Result<(), Error>>,
}

impl Connection {
    pub(super) async fn open(client: Client, timeout: Duration) -> Result<Self, ConnectError> {
        let driver = tokio::time::timeout(timeout, client.init())
            .await
            .map_err(|_| ConnectError::Unreachable("it does not answer".to_owned()))?
            .map_err(|error| match error.kind() {
                ErrorKind::Auth => ConnectError::Refused(error.to_string()),
                _ => ConnectError::Unreachable(error.to_string()),
            })?;
        Ok(Self { client, timeouts: AtomicU32::new(0), _driver: AbortOnDropHandle::new(driver) })
    }

    pub(super) fn open_in_background(client: Client) -> Self {
        let driver = client.connect();
        Self { client, timeouts: AtomicU32::new(0), _driver: AbortOnDropHandle::new(driver) }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    pub(super) async fn run<R: FromValue>(
        &self,
        script: &Script,
        keys: Vec<Key>,
        args: Vec<Value>,
    ) -> Result<R, Error> {
        let reply = match self.client.evalsha(script.sha1().clone(), keys.clone(), args.clone()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let text = script.lua().cloned().unwrap_or_default();
                self.client.eval(text, keys, args).await
            }
            reply => reply,
        };
        self.watch(reply)
    }

    pub(super) async fn info(&self, section: InfoKind) -> Result<String, Error> {
        self.watch(self.client.info(Some(section)).await)
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.watch(self.client.ping::<()>(None).await)
    }

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
