//! What is known of active tokens.

use async_trait::async_trait;
use contract::ids::{ActiveTokenId, MemberId};

use super::{
    database::Database,
    fault::Fault,
    session::Session,
    statement::{Statement, statement},
    transact::{Transaction, Verdict},
    value::arguments,
};
use crate::store::{TokenClaim, TokenState};

/// The gateway decides who holds a token; what it said last counts.
const RECORD: Statement = statement!(
    "INSERT INTO token_claims (token, queue, holder, expires_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (token) DO UPDATE
     SET queue = excluded.queue, holder = excluded.holder, expires_at = excluded.expires_at"
);

const STATE: Statement = statement!(
    "SELECT EXISTS (SELECT 1 FROM payments WHERE token = $1 AND state <> 'failed') AS consumed,
            queue, holder, expires_at
     FROM (SELECT 1 AS one) AS always LEFT JOIN token_claims ON token = $1"
);

#[async_trait]
impl Transaction for TokenClaim {
    type Outcome = ();

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<()>, Fault> {
        session.execute(&RECORD, arguments![self.token, &self.queue, self.holder, self.expires_at]).await?;
        Ok(Verdict::Keep(()))
    }
}

pub(super) async fn token_state(database: &Database, token: ActiveTokenId) -> Result<TokenState, Fault> {
    let row = database.row(&STATE, arguments![token]).await?;
    let row = row.ok_or_else(|| Fault::corrupt("no row from a row"))?;
    if row.get("consumed")? {
        return Ok(TokenState::Consumed);
    }
    let Some(holder) = row.get("holder")? else { return Ok(TokenState::Unclaimed) };
    let (queue, expires_at) = (row.queue("queue")?, row.instant("expires_at")?);
    Ok(TokenState::Claimed(TokenClaim { token, queue, holder: MemberId(holder), expires_at }))
}
