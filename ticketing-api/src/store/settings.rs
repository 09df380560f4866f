//! Where the truth is kept, and how long a call may wait for it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The database of the ticketing API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite:<path>` for one machine (the file is created when missing), or `postgres://user:password@host/database`.
    pub url: SecretString,
    /// Connections to PostgreSQL, or readers of SQLite, which always has one writer.
    pub max_connections: u32,
    /// How long a call waits for a free connection before it is refused as overloaded.
    pub acquire_timeout_ms: u64,
    /// How long a statement, or a wait for a row's lock, may take before it is given up.
    pub statement_timeout_ms: u64,
}

/// A setting of the store that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStoreSetting {
    /// Neither kind of address.
    #[error("store.url begins with sqlite: or postgres://")]
    Url,
    /// None at all, or more than a server bears.
    #[error("store.max_connections is 1 to 1000")]
    MaxConnections,
    /// No time at all, or for ever.
    #[error("store.acquire_timeout_ms is 1 to 60000")]
    AcquireTimeout,
    /// No time at all, or for ever.
    #[error("store.statement_timeout_ms is 1 to 60000")]
    StatementTimeout,
}

/// Which database an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

impl StoreSettings {
    /// Every setting that cannot be used.
    pub fn invalid(&self) -> Vec<InvalidStoreSetting> {
        let timeout = 1..=60_000;
        [
            (InvalidStoreSetting::Url, self.kind().is_some()),
            (InvalidStoreSetting::MaxConnections, (1..=1000).contains(&self.max_connections)),
            (InvalidStoreSetting::AcquireTimeout, timeout.contains(&self.acquire_timeout_ms)),
            (InvalidStoreSetting::StatementTimeout, timeout.contains(&self.statement_timeout_ms)),
        ]
        .into_iter()
        .filter_map(|(invalid, fine)| (!fine).then_some(invalid))
        .collect()
    }

    /// Whether the address is one of PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.kind() == Some(Kind::Postgres)
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        let url = self.url.expose_secret();
        if url.starts_with("sqlite:") {
            Some(Kind::Sqlite)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Some(Kind::Postgres)
        } else {
            None
        }
    }

    pub(super) fn acquire_timeout(&self) -> Duration {
        Duration::from_millis(self.acquire_timeout_ms)
    }

    pub(super) fn statement_timeout(&self) -> Duration {
        Duration::from_millis(self.statement_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, max_connections: u32, timeout: u64) -> StoreSettings {
        StoreSettings { url: url.into(), max_connections, acquire_timeout_ms: timeout, statement_timeout_ms: timeout }
    }

    #[test]
    fn both_kinds_of_address_are_understood() {
        for (url, kind) in [
            ("sqlite:data/ticketing.db", Kind::Sqlite),
            ("postgres://a:b@c/d", Kind::Postgres),
            ("postgresql://c/d", Kind::Postgres),
        ] {
            assert_eq!(settings(url, 1, 1).kind(), Some(kind));
            assert_eq!(settings(url, 1, 1).invalid(), []);
        }
    }

    #[test]
    fn every_unusable_setting_is_named() {
        assert_eq!(
            settings("mysql://a", 0, 0).invalid(),
            [
                InvalidStoreSetting::Url,
                InvalidStoreSetting::MaxConnections,
                InvalidStoreSetting::AcquireTimeout,
                InvalidStoreSetting::StatementTimeout,
            ]
        );
    }

    #[test]
    fn the_address_never_prints() {
        assert!(!format!("{:?}", settings("postgres://a:hunter2@c/d", 1, 1)).contains("hunter2"));
    }
}
