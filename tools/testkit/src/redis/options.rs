//! What can be chosen before a Redis server starts.

use std::path::Path;

use super::{Redis, start_server};
use crate::process::off_runtime;
use crate::start_error::{StartError, or_panic};

/// When Redis writes to disk, and so what a kill or a power cut may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fsync {
    /// Nothing is kept: a restart finds an empty store.
    #[default]
    Off,
    /// An append-only file, written at each command and synced once a second.
    EverySecond,
    /// An append-only file, synced before each reply.
    Always,
}

/// Options of a [`Redis`] server.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    pub(super) port: Option<u16>,
    pub(super) password: Option<String>,
    fsync: Fsync,
    settings: Vec<(String, String)>,
    sentinel: Option<String>,
}

impl RedisOptions {
    /// Listens on this port instead of a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Asks clients for this password; letters and digits only, since it stands in the URL as it is.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Chooses what survives a restart.
    #[must_use]
    pub fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// Any other line of redis.conf.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs as a Sentinel with this configuration text, to which port and folder are added.
    pub(super) fn sentinel(mut self, configuration: String) -> Self {
        self.sentinel = Some(configuration);
        self
    }

    /// Starts the server and waits for its PONG.
    ///
    /// # Panics
    /// When `redis-server` is not installed, or does not start: in one sentence that says so.
    pub async fn start(self) -> Redis {
        or_panic(off_runtime(move || start_server(&self)).await)
    }

    pub(super) fn arguments(&self, port: u16, folder: &Path) -> Result<Vec<String>, StartError> {
        let mut lines = vec![
            ("port".to_owned(), port.to_string()),
            ("bind".to_owned(), "127.0.0.1".to_owned()),
            ("dir".to_owned(), folder.display().to_string()),
        ];
        let mut arguments = Vec::new();
        if let Some(configuration) = &self.sentinel {
            // A Sentinel rewrites its file, so it must have one, and the file must not be replaced at a restart.
            let file = folder.join("sentinel.conf");
            if !file.exists() {
                std::fs::write(&file, configuration)?;
            }
            arguments.extend([file.display().to_string(), "--sentinel".to_owned()]);
        } else {
            lines.push(("save".to_owned(), String::new()));
            let (append, sync) = match self.fsync {
                Fsync::Off => ("no", "no"),
                Fsync::EverySecond => ("yes", "everysec"),
                Fsync::Always => ("yes", "always"),
            };
            lines.push(("appendonly".to_owned(), append.to_owned()));
            lines.push(("appendfsync".to_owned(), sync.to_owned()));
        }
        lines.extend(self.password.iter().map(|password| ("requirepass".to_owned(), password.clone())));
        lines.extend(self.settings.iter().cloned());
        for (name, value) in lines {
            arguments.extend([format!("--{name}"), value]);
        }
        Ok(arguments)
    }
}
