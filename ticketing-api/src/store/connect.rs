//! Opening the database that the settings name.

use std::sync::Arc;

use super::{
    TicketStore,
    postgres::PostgresDatabase,
    settings::{InvalidStoreSetting, Kind, StoreSettings},
    sql::{Database, SqlStore},
    sqlite::SqliteDatabase,
};

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings are unusable.
    #[error(transparent)]
    Setting(#[from] InvalidStoreSetting),
    /// The database does not let us in.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
    /// Its tables are not those that this version writes, and could not be brought there.
    #[error("the tables of the database cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// Opens the database that the settings name and brings its tables up to date.
pub async fn connect(settings: &StoreSettings) -> Result<Arc<dyn TicketStore>, ConnectError> {
    if let Some(invalid) = settings.invalid().first() {
        return Err((*invalid).into());
    }
    let database = match settings.kind() {
        Some(Kind::Sqlite) => Database::Sqlite(SqliteDatabase::connect(settings).await?),
        _ => Database::Postgres(PostgresDatabase::connect(settings, None).await?),
    };
    Ok(Arc::new(SqlStore::new(database)))
}

/// Opens PostgreSQL with tables of its own in an existing schema, so that trying something out leaves no trace in the
/// real ones.
pub(crate) async fn connect_in_schema(
    settings: &StoreSettings,
    schema: &str,
) -> Result<Arc<dyn TicketStore>, ConnectError> {
    let database = Database::Postgres(PostgresDatabase::connect(settings, Some(schema)).await?);
    Ok(Arc::new(SqlStore::new(database)))
}
