//! Databases on one server, so that many tests share it without meeting.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::OnceCell;

use super::Postgres;

/// A database of one's own on the server that the tests of this process share.
#[derive(Debug, Clone)]
pub struct Database {
    name: String,
    server: &'static Postgres,
}

impl Database {
    /// `postgres://postgres@127.0.0.1:port/name`.
    pub fn url(&self) -> String {
        self.server.database_url(&self.name)
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shared server. Killing it would fail the tests of others: start one with [`Postgres::start`] for that.
    pub fn server(&self) -> &'static Postgres {
        self.server
    }
}

impl Postgres {
    /// A fresh, empty database on the one server of this test process.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub async fn shared() -> Database {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let server = SHARED.get_or_init(Self::start).await;
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        server.create_database(&name).await;
        Database { name, server }
    }

    /// Creates an empty database and gives its URL.
    ///
    /// # Panics
    /// When the server is down, or has a database of this name.
    pub async fn create_database(&self, name: &str) -> String {
        self.execute(&format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""))).await;
        self.database_url(name)
    }

    /// The process ids of the client connections to a database.
    ///
    /// # Panics
    /// When the server is down.
    pub async fn backends(&self, database: &str) -> Vec<u32> {
        const QUERY: &str = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        let mut connection = self.connect().await;
        let pids: Vec<i32> = sqlx::query_scalar(QUERY)
            .bind(database)
            .fetch_all(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("PostgreSQL does not list its connections: {error}"));
        pids.into_iter().filter_map(|pid| u32::try_from(pid).ok()).collect()
    }

    /// Ends one connection from the server's side, with an error message to its client.
    ///
    /// # Panics
    /// When the server is down.
    pub async fn terminate_backend(&self, pid: u32) {
        self.execute(&format!("SELECT pg_terminate_backend({pid})")).await;
    }

    async fn execute(&self, statement: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("PostgreSQL refuses `{statement}`: {error}"));
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url())
            .await
            .unwrap_or_else(|error| panic!("PostgreSQL takes no connection: {error}"))
    }
}
