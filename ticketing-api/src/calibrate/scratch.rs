//! A schema of our own in the configured database, gone when we are.

use std::{str::FromStr, time::Duration};

use anyhow::{Context, ensure};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::store::StoreSettings;

/// Fixed, so that what a killed run left behind is found and dropped by the next.
pub(super) const SCHEMA: &str = "ticketing_calibration";

/// Held for the whole run: two calibrations at once would measure each other.
const LOCK: i64 = 0x7469_636b_6574_7321;

/// The schema, and the connection that keeps others out of it.
#[derive(Debug)]
pub(super) struct Scratch {
    connection: PgConnection,
}

impl Scratch {
    /// Makes the schema anew.
    pub(super) async fn create(settings: &StoreSettings) -> anyhow::Result<Self> {
        let server = PgConnectOptions::from_str(settings.url.expose_secret())
            .context("store.url is unreadable")?
            // That there was nothing to drop is no news.
            .options([("client_min_messages", "warning")]);
        let mut connection = PgConnection::connect_with(&server).await.context("the database cannot be reached")?;
        let alone: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut connection).await?;
        ensure!(alone, "another calibration is running on this database");
        let mut scratch = Self { connection };
        scratch.drop_schema().await?;
        sqlx::query("CREATE SCHEMA ticketing_calibration")
            .execute(&mut scratch.connection)
            .await
            .context("the database user may not create the schema ticketing_calibration")?;
        Ok(scratch)
    }

    /// For statements beside the measurement.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Drops the schema.
    pub(super) async fn remove(mut self) -> anyhow::Result<()> {
        let dropped = tokio::time::timeout(Duration::from_mins(1), self.drop_schema()).await;
        dropped
            .context("no end of transactions in sight")
            .flatten()
            .context("the schema ticketing_calibration could not be dropped, and is to be dropped by hand")
    }

    async fn drop_schema(&mut self) -> anyhow::Result<()> {
        sqlx::query("DROP SCHEMA IF EXISTS ticketing_calibration CASCADE").execute(&mut self.connection).await?;
        Ok(())
    }
}
