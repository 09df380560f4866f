//! What is known of active tokens: who has claimed them, and which have ended.
//!
//! Whatever is done with a token takes a lock on it first, shared; leaving takes it alone. So a step either comes
//! before and is seen by the leaving, which gives its seats back, or after and is refused. A statement that waits for
//! the lock reads as of its own beginning: a step that writes has to look once more, in a later statement, whether the
//! token has ended.

use async_trait::async_trait;
use contract::ids::{ActiveTokenId, MemberId};
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::{
    database::Database,
    fault::Fault,
    session::Session,
    statement::{Statement, statement},
    transact::{Transaction, Verdict, lock_number},
    value::arguments,
    word::Word,
};
use crate::{
    booking::leaving::TokenEnd,
    store::{GrantedClaim, RepeatedClaim, TokenClaim, TokenState},
};

/// The gateway decides who holds a token; what it said last counts.
const RECORD: Statement = statement!(
    "INSERT INTO token_claims (token, queue, holder, expires_at, active_token, repeat_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (token) DO UPDATE
     SET queue = excluded.queue, holder = excluded.holder, expires_at = excluded.expires_at,
         active_token = excluded.active_token, repeat_at = excluded.repeat_at"
);

/// Those that are told no more are met once, and leave the index.
const RETELL: Statement = statement!(
    "WITH due AS (
         SELECT c.token AS claimed, c.expires_at > $2 AND e.token IS NULL AS lasts
         FROM token_claims c LEFT JOIN ended_tokens e ON e.token = c.token
         WHERE c.repeat_at <= $1 ORDER BY c.repeat_at LIMIT $3" [skip_locked_of "c"] "
     )
     UPDATE token_claims
     SET repeat_at = CASE WHEN lasts THEN $2 END, active_token = CASE WHEN lasts THEN active_token END
     FROM due WHERE claimed = token
     RETURNING token, queue, holder, active_token"
);

const STATE: Statement = statement!(
    "SELECT e.reason AS ended, c.queue, c.holder, c.expires_at
     FROM (SELECT 1 AS one) AS always
     LEFT JOIN ended_tokens e ON e.token = $1 LEFT JOIN token_claims c ON c.token = $1"
);

/// Without a known end the token's claim says it; tokens that nobody claimed are ended by leaving alone, which knows
/// it.
const END: Statement = statement!(
    "INSERT INTO ended_tokens (token, reason, ended_at, expires_at)
     VALUES ($1, $2, $3, coalesce($4, (SELECT expires_at FROM token_claims WHERE token = $1)))
     ON CONFLICT (token) DO NOTHING"
);

#[async_trait]
impl Transaction for GrantedClaim {
    type Outcome = ();

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<()>, Fault> {
        let TokenClaim { token, queue, holder, expires_at } = &self.claim;
        let active_token = self.active_token.expose_secret();
        session.execute(&RECORD, arguments![*token, queue, *holder, *expires_at, active_token, self.repeat_at]).await?;
        Ok(Verdict::Keep(()))
    }
}

/// Claims to be told again.
#[derive(Debug)]
pub(super) struct Retell {
    pub(super) now: Timestamp,
    pub(super) repeat_at: Timestamp,
    pub(super) limit: u32,
}

#[async_trait]
impl Transaction for Retell {
    type Outcome = Vec<RepeatedClaim>;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<Vec<RepeatedClaim>>, Fault> {
        let rows = session.rows(&RETELL, arguments![self.now, self.repeat_at, self.limit]).await?;
        let mut claims = Vec::new();
        for row in rows {
            if let Some(active_token) = row.get::<Option<String>>("active_token")? {
                let (token, holder) = (ActiveTokenId(row.get("token")?), MemberId(row.get("holder")?));
                let (queue, active_token) = (row.queue("queue")?, active_token.into());
                claims.push(RepeatedClaim { token, queue, holder, active_token });
            }
        }
        Ok(Verdict::Keep(claims))
    }
}

pub(super) async fn token_state(database: &Database, token: ActiveTokenId) -> Result<TokenState, Fault> {
    let row = database.row(&STATE, arguments![token]).await?;
    let row = row.ok_or_else(|| Fault::corrupt("no row from a row"))?;
    if let Some(end) = row.optional_word("ended")? {
        return Ok(TokenState::Ended(end));
    }
    let Some(holder) = row.get("holder")? else { return Ok(TokenState::Unclaimed) };
    let (queue, expires_at) = (row.queue("queue")?, row.instant("expires_at")?);
    Ok(TokenState::Claimed(TokenClaim { token, queue, holder: MemberId(holder), expires_at }))
}

/// Whether and why a token has ended, and who has claimed it.
pub(super) async fn ended_and_holder(
    session: &mut Session,
    token: ActiveTokenId,
) -> Result<(Option<TokenEnd>, Option<MemberId>), Fault> {
    let row = session.row(&STATE, arguments![token]).await?;
    let row = row.ok_or_else(|| Fault::corrupt("no row from a row"))?;
    Ok((row.optional_word("ended")?, row.get::<Option<uuid::Uuid>>("holder")?.map(MemberId)))
}

/// Ends a token, unless it has ended before: then it tells why.
pub(super) async fn end(
    session: &mut Session,
    token: ActiveTokenId,
    reason: TokenEnd,
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<Option<TokenEnd>, Fault> {
    let ended = session.execute(&END, arguments![token, reason.word(), now, expires_at]).await?;
    if ended == 1 { Ok(None) } else { Ok(ended_and_holder(session, token).await?.0) }
}

/// The number of the lock on a token.
pub(super) fn lock_of(token: ActiveTokenId) -> i64 {
    lock_number("token", &[token.0.as_bytes()])
}
