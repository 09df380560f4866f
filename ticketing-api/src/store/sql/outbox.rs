//! Messages that are written with what they tell of, and sent afterwards.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    fault::Fault,
    row::Row,
    session::Session,
    statement::{Statement, statement},
    transact::{Transaction, Verdict},
    value::arguments,
};
use crate::store::{OutboxEvent, OutboxMessage};

const INSERT: Statement = statement!("INSERT INTO outbox (event, attempts, due_at) VALUES ($1, 0, $2)");

/// A message under lease is due again when the lease ends: a sender that crashed has not lost it.
const LEASE: Statement = statement!(
    "WITH due AS (
         SELECT id FROM outbox WHERE delivered_at IS NULL AND due_at <= $1 ORDER BY due_at, id LIMIT $3" [skip_locked] "
     )
     UPDATE outbox SET attempts = attempts + 1, due_at = $2 WHERE id IN (SELECT id FROM due)
     RETURNING id, event, attempts"
);

const DELIVERED: Statement = statement!("UPDATE outbox SET delivered_at = $2 WHERE id = $1 AND delivered_at IS NULL");

const FAILED: Statement = statement!("UPDATE outbox SET due_at = $2 WHERE id = $1 AND delivered_at IS NULL");

/// Adds a message to the transaction that makes it true.
pub(super) async fn add(session: &mut Session, event: &OutboxEvent, now: Timestamp) -> Result<(), Fault> {
    let event = serde_json::to_string(event).map_err(Fault::corrupt)?;
    session.execute(&INSERT, arguments![event, now]).await.map(drop)
}

/// Messages to be taken for sending.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
    pub(super) limit: u32,
}

#[async_trait]
impl Transaction for Lease {
    type Outcome = Vec<OutboxMessage>;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<Vec<OutboxMessage>>, Fault> {
        let rows = session.rows(&LEASE, arguments![self.now, self.until, self.limit]).await?;
        let mut messages = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        messages.sort_by_key(|message| message.id);
        Ok(Verdict::Keep(messages))
    }
}

/// A message that arrived.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) id: i64,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for Delivered {
    type Outcome = ();

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<()>, Fault> {
        session.execute(&DELIVERED, arguments![self.id, self.now]).await?;
        Ok(Verdict::Keep(()))
    }
}

/// A message that did not arrive.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) id: i64,
    pub(super) retry_at: Timestamp,
}

#[async_trait]
impl Transaction for Failed {
    type Outcome = ();

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<()>, Fault> {
        session.execute(&FAILED, arguments![self.id, self.retry_at]).await?;
        Ok(Verdict::Keep(()))
    }
}

fn read(row: &Row) -> Result<OutboxMessage, Fault> {
    let event: String = row.get("event")?;
    Ok(OutboxMessage {
        id: row.get("id")?,
        event: serde_json::from_str(&event).map_err(Fault::corrupt)?,
        // `attempts` counts the lease that this row was just given.
        attempts: row.count("attempts")?.saturating_sub(1),
    })
}
