//! SQLite: the truth on one machine, in one file.
//!
//! One connection writes and the others read. Writers take turns anyway; a queue in front of the one connection costs
//! less than many connections that find the file busy, and `BEGIN IMMEDIATE` keeps a transaction that read first from
//! failing when it comes to write.

use std::str::FromStr;

use secrecy::ExposeSecret;
use sqlx::{
    SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{ConnectError, settings::StoreSettings};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// The file with its writer and its readers.
#[derive(Debug)]
pub(super) struct SqliteDatabase {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
}

impl SqliteDatabase {
    pub(super) async fn connect(settings: &StoreSettings) -> Result<Self, ConnectError> {
        let file = SqliteConnectOptions::from_str(settings.url.expose_secret())?
            .create_if_missing(true)
            .foreign_keys(true)
            // Readers see the last commit while a writer writes. Costs two more files beside the database.
            .journal_mode(SqliteJournalMode::Wal)
            // Every commit is on the disk before it is acknowledged: one fsync each, which bounds the commits per
            // second by the disk. NORMAL would be faster and lose the last commits when the power fails.
            .synchronous(SqliteSynchronous::Full)
            // Another process, such as a backup, may hold the file for a moment.
            .busy_timeout(settings.statement_timeout());
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(settings.acquire_timeout())
            // A file does not go away: no connection is ever tested or replaced.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None);
        let writer = pool.clone().max_connections(1).connect_with(file.clone()).await?;
        MIGRATIONS.run(&writer).await?;
        let readers = pool.max_connections(settings.max_connections).connect_with(file.read_only(true)).await?;
        Ok(Self { writer, readers })
    }
}
