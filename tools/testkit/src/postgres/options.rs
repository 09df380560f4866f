//! What can be chosen before a PostgreSQL server starts.

use super::{Postgres, start_server};
use crate::process::off_runtime;
use crate::start_error::or_panic;

/// Options of a [`Postgres`] server.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    durable: bool,
    settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// Syncs every commit to disk, as in production: for benchmarks, whose figures mean nothing without.
    ///
    /// Tests do without: a killed process loses nothing that the operating system has, and only a power
    /// cut, which no test makes, tells the difference.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Any other line of postgresql.conf.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes a new database cluster, starts a server on it, and waits until it takes connections.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start: in one sentence that says so.
    pub async fn start(self) -> Postgres {
        or_panic(off_runtime(move || start_server(self)).await)
    }

    /// The settings as arguments of `postgres`, later ones winning.
    pub(super) fn arguments(&self) -> Vec<String> {
        let safety = if self.durable { "on" } else { "off" };
        let ours = [
            ("listen_addresses", "127.0.0.1"),
            // TCP alone: the path of a socket in a temporary folder may be longer than a socket's name can be.
            ("unix_socket_directories", ""),
            ("fsync", safety),
            ("full_page_writes", safety),
            ("max_connections", "300"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
        ];
        let own = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
        own.iter()
            .chain(&self.settings)
            .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")])
            .collect()
    }
}
