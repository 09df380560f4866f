//! What grows with traffic is dropped again; and a sign of life.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    database::Database,
    fault::Fault,
    session::Session,
    statement::{Statement, statement},
    transact::{Transaction, Verdict},
    value::arguments,
};

const FORGET_KEYS: Statement = statement!(
    "DELETE FROM idempotency_keys WHERE (member, key) IN (
         SELECT member, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)"
);

const FORGET_CLAIMS: Statement = statement!(
    "DELETE FROM token_claims WHERE token IN (
         SELECT token FROM token_claims WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
);

const FORGET_ENDS: Statement = statement!(
    "DELETE FROM ended_tokens WHERE token IN (
         SELECT token FROM ended_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
);

const FORGET_MESSAGES: Statement = statement!(
    "DELETE FROM outbox WHERE id IN (
         SELECT id FROM outbox WHERE delivered_at < $1 ORDER BY delivered_at LIMIT $2)"
);

const PING: Statement = statement!("SELECT 1 AS one");

/// Records that ended before an instant, to be dropped.
#[derive(Debug)]
pub(super) struct Forget {
    pub(super) older_than: Timestamp,
    pub(super) limit: u32,
}

#[async_trait]
impl Transaction for Forget {
    type Outcome = u64;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<u64>, Fault> {
        let mut forgotten = 0;
        for statement in [&FORGET_KEYS, &FORGET_CLAIMS, &FORGET_ENDS, &FORGET_MESSAGES] {
            forgotten += session.execute(statement, arguments![self.older_than, self.limit]).await?;
        }
        Ok(Verdict::Keep(forgotten))
    }
}

pub(super) async fn ping(database: &Database) -> Result<(), Fault> {
    database.rows(&PING, vec![]).await.map(drop)
}
