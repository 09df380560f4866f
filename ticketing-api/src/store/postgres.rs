//! PostgreSQL: the truth that several machines share.
//!
//! Transactions are READ COMMITTED and lock the rows that they decide on, in one order: active token, member, hold or
//! reservation, seats ascending, wallet. Nothing waits for longer than the statement timeout.

use std::str::FromStr;

use secrecy::ExposeSecret;
use sqlx::{
    PgPool, Postgres, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{ConnectError, settings::StoreSettings};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The connections to the server.
#[derive(Debug)]
pub(super) struct PostgresDatabase {
    pool: PgPool,
    max_connections: u32,
}

impl PostgresDatabase {
    pub(super) async fn connect(settings: &StoreSettings, schema: Option<&str>) -> Result<Self, ConnectError> {
        let timeout = settings.statement_timeout_ms.to_string();
        let mut server =
            PgConnectOptions::from_str(settings.url.expose_secret())?.application_name("ticketing-api").options([
                ("default_transaction_isolation", "read committed"),
                ("statement_timeout", &timeout),
                ("lock_timeout", &timeout),
                // A transaction whose client was cut off keeps its locks no longer than a statement may take.
                ("idle_in_transaction_session_timeout", &timeout),
            ]);
        if let Some(schema) = schema {
            server = server.options([("search_path", schema)]);
        }
        let pool = PgPoolOptions::new()
            .acquire_timeout(settings.acquire_timeout())
            .max_connections(settings.max_connections)
            // A test would cost each transaction a round trip; `begin` and `read` replace a dead connection instead.
            .test_before_acquire(false)
            .connect_with(server)
            .await?;
        // Instances that start together take turns: the migrator holds an advisory lock.
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool, max_connections: settings.max_connections })
    }

    /// How many connections are open, and how many of them idle.
    pub(super) fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }

    /// A new transaction. Connections that died while idle are found here, before anything depends on them.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut dead = 0;
        loop {
            match self.pool.begin().await {
                Err(error) if is_dead(&error) && dead <= self.max_connections => dead += 1,
                begun => return begun,
            }
        }
    }

    /// A connection for statements that read.
    pub(super) async fn reader(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.pool.acquire().await
    }

    /// How often reading is worth another connection: each attempt discards a dead one.
    pub(super) fn attempts(&self) -> u32 {
        self.max_connections + 1
    }
}

/// Whether an error tells of the connection and not of the statement.
pub(super) fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(reply) => reply.code().is_some_and(|code| code == "57P01"),
        _ => false,
    }
}
