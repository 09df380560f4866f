//! What was measured: a figure means nothing without the server that gave it.

use std::fmt;

use anyhow::Context;
use sqlx::PgConnection;

/// The server as it says of itself, and the machine that loads it.
#[derive(Clone, Debug)]
pub(super) struct Fingerprint {
    version: String,
    fsync: String,
    synchronous_commit: String,
    full_page_writes: String,
    shared_buffers: String,
    max_connections: u32,
    used_connections: u32,
    cores: usize,
}

const READ: &str = "SELECT current_setting('server_version'), current_setting('fsync'),
    current_setting('synchronous_commit'), current_setting('full_page_writes'), current_setting('shared_buffers'),
    current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')";

impl Fingerprint {
    pub(super) async fn read(connection: &mut PgConnection) -> anyhow::Result<Self> {
        let row: (String, String, String, String, String, i64, i64) =
            sqlx::query_as(READ).fetch_one(connection).await.context("the server does not tell its settings")?;
        let (version, fsync, synchronous_commit, full_page_writes, shared_buffers, max, used) = row;
        Ok(Self {
            version,
            fsync,
            synchronous_commit,
            full_page_writes,
            shared_buffers,
            max_connections: u32::try_from(max)?,
            used_connections: u32::try_from(used)?,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// Settings under which an acknowledged commit can be lost.
    pub(super) fn weaknesses(&self) -> Vec<String> {
        let settings = [
            ("fsync", &self.fsync),
            ("synchronous_commit", &self.synchronous_commit),
            ("full_page_writes", &self.full_page_writes),
        ];
        let off = settings.into_iter().filter(|(_, value)| *value == "off");
        off.map(|(name, value)| format!("{name} = {value}")).collect()
    }

    /// Connections that we may open without taking the last one from anybody.
    pub(super) fn free_connections(&self) -> u32 {
        self.max_connections.saturating_sub(self.used_connections + 2).max(1)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PostgreSQL {}, fsync {}, synchronous_commit {}, full_page_writes {}, shared_buffers {}, \
             {} connections; loaded from {} cores",
            self.version,
            self.fsync,
            self.synchronous_commit,
            self.full_page_writes,
            self.shared_buffers,
            self.max_connections,
            self.cores
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(fsync: &str, synchronous_commit: &str, used_connections: u32) -> Fingerprint {
        Fingerprint {
            version: "15.1".into(),
            fsync: fsync.into(),
            synchronous_commit: synchronous_commit.into(),
            full_page_writes: "on".into(),
            shared_buffers: "128MB".into(),
            max_connections: 97,
            used_connections,
            cores: 2,
        }
    }

    #[test]
    fn a_server_that_may_lose_commits_is_recognised() {
        assert!(server("on", "on", 1).weaknesses().is_empty());
        assert!(server("on", "local", 1).weaknesses().is_empty());
        assert_eq!(server("off", "off", 1).weaknesses(), ["fsync = off", "synchronous_commit = off"]);
    }

    #[test]
    fn connections_of_others_are_left_to_them() {
        assert_eq!(server("on", "on", 10).free_connections(), 85);
        assert_eq!(server("on", "on", 97).free_connections(), 1);
    }
}
