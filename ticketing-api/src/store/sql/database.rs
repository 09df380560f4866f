//! The two databases behind one door.

use super::{fault::Fault, row::Row, session::Session, statement::Statement, value::Value};
use crate::store::{
    Connections,
    postgres::{PostgresDatabase, is_dead},
    sqlite::SqliteDatabase,
};

/// One of the databases, connected and migrated.
#[derive(Debug)]
pub(in crate::store) enum Database {
    Sqlite(SqliteDatabase),
    Postgres(PostgresDatabase),
}

impl Database {
    /// A transaction that may write.
    pub(super) async fn begin(&self) -> Result<Session, Fault> {
        Ok(match self {
            Self::Sqlite(database) => Session::SqliteTransaction(database.writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(database) => Session::PostgresTransaction(database.begin().await?),
        })
    }

    /// The rows of one statement that only reads.
    pub(super) async fn rows(&self, statement: &Statement, arguments: Vec<Value>) -> Result<Vec<Row>, Fault> {
        let mut attempts_left = match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(database) => database.attempts(),
        };
        loop {
            attempts_left -= 1;
            let mut session = self.reader().await?;
            match session.fetch(statement, arguments.clone()).await {
                // The connection died while it was idle. Reading again is harmless.
                Err(error) if attempts_left > 0 && is_dead(&error) => {}
                rows => return Ok(rows?),
            }
        }
    }

    /// The row of one statement that only reads, and gives at most one.
    pub(super) async fn row(&self, statement: &Statement, arguments: Vec<Value>) -> Result<Option<Row>, Fault> {
        Ok(self.rows(statement, arguments).await?.pop())
    }

    /// What the pools say of their connections.
    pub(super) fn connections(&self) -> Connections {
        let (open, idle) = match self {
            Self::Sqlite(SqliteDatabase { writer, readers }) => {
                (writer.size() + readers.size(), writer.num_idle() + readers.num_idle())
            }
            Self::Postgres(database) => database.connections(),
        };
        // The two are read one after the other, and connections come and go in between.
        Connections { idle, busy: (open as usize).saturating_sub(idle) }
    }

    async fn reader(&self) -> Result<Session, Fault> {
        Ok(match self {
            Self::Sqlite(database) => Session::SqliteReader(database.readers.acquire().await?),
            Self::Postgres(database) => Session::PostgresReader(database.reader().await?),
        })
    }
}
