//! A connection in use, of either database.

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

use super::{
    fault::Fault,
    row::Row,
    statement::Statement,
    value::{Value, bind_postgres, bind_sqlite},
};

/// A connection that is ours until it is dropped. A transaction that is dropped without [`Session::commit`] is undone.
#[derive(Debug)]
pub(super) enum Session {
    SqliteReader(PoolConnection<Sqlite>),
    SqliteTransaction(Transaction<'static, Sqlite>),
    PostgresReader(PoolConnection<Postgres>),
    PostgresTransaction(Transaction<'static, Postgres>),
}

enum Connection<'s> {
    Sqlite(&'s mut SqliteConnection),
    Postgres(&'s mut PgConnection),
}

impl Session {
    /// All rows of a statement.
    pub(super) async fn rows(&mut self, statement: &Statement, arguments: Vec<Value>) -> Result<Vec<Row>, Fault> {
        Ok(self.fetch(statement, arguments).await?)
    }

    /// The one row of a statement that gives at most one.
    pub(super) async fn row(&mut self, statement: &Statement, arguments: Vec<Value>) -> Result<Option<Row>, Fault> {
        Ok(self.fetch(statement, arguments).await?.pop())
    }

    /// How many rows a statement changed.
    pub(super) async fn execute(&mut self, statement: &Statement, arguments: Vec<Value>) -> Result<u64, Fault> {
        let changed = match self.connection() {
            Connection::Sqlite(connection) => {
                bind_sqlite(sqlx::query(statement.sqlite), arguments).execute(connection).await?.rows_affected()
            }
            Connection::Postgres(connection) => {
                bind_postgres(sqlx::query(statement.postgres), arguments).execute(connection).await?.rows_affected()
            }
        };
        Ok(changed)
    }

    /// As [`Self::rows`], with the driver's own error.
    pub(super) async fn fetch(
        &mut self,
        statement: &Statement,
        arguments: Vec<Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self.connection() {
            Connection::Sqlite(connection) => {
                let rows = bind_sqlite(sqlx::query(statement.sqlite), arguments).fetch_all(connection).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connection::Postgres(connection) => {
                let rows = bind_postgres(sqlx::query(statement.postgres), arguments).fetch_all(connection).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Makes all that the transaction did permanent.
    pub(super) async fn commit(self) -> Result<(), Fault> {
        match self {
            Self::SqliteTransaction(transaction) => transaction.commit().await.map_err(Fault::of_commit),
            Self::PostgresTransaction(transaction) => transaction.commit().await.map_err(Fault::of_commit),
            Self::SqliteReader(_) | Self::PostgresReader(_) => Ok(()),
        }
    }

    /// Undoes all that the transaction did.
    pub(super) async fn rollback(self) -> Result<(), Fault> {
        match self {
            Self::SqliteTransaction(transaction) => transaction.rollback().await?,
            Self::PostgresTransaction(transaction) => transaction.rollback().await?,
            Self::SqliteReader(_) | Self::PostgresReader(_) => {}
        }
        Ok(())
    }

    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::SqliteReader(connection) => Connection::Sqlite(connection),
            Self::SqliteTransaction(transaction) => Connection::Sqlite(transaction),
            Self::PostgresReader(connection) => Connection::Postgres(connection),
            Self::PostgresTransaction(transaction) => Connection::Postgres(transaction),
        }
    }
}
