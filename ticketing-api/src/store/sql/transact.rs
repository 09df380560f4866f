//! Carrying out a transaction: repeated when the database undid it for another's sake, recorded once a key.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    SqlStore,
    fault::Fault,
    session::Session,
    statement::{Statement, statement},
    value::arguments,
};
use crate::store::{IdempotencyKey, Once, StoreError};

/// Attempts at a transaction that the database keeps undoing. Locks are taken in one order, so this is for the rare
/// case that the order did not foresee.
const ATTEMPTS: u32 = 4;

/// One atomic step.
#[async_trait]
pub(super) trait Transaction: Sync {
    type Outcome: Send + Sync;

    /// Does the work inside the session's transaction. May be called again, with a new transaction.
    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<Self::Outcome>, Fault>;
}

/// A step that can carry an idempotency key.
pub(super) trait Recorded: Transaction<Outcome: Serialize + DeserializeOwned> {
    /// The instant of the step.
    fn now(&self) -> Timestamp;
}

/// What a transaction came to.
#[derive(Debug)]
pub(super) enum Verdict<T> {
    /// Commit.
    Keep(T),
    /// A refusal found when something was already written: undo that.
    Undo(T),
}

const FIND_RECORD: Statement = statement!(
    "SELECT " [try_lock "$3"] " AS locked, fingerprint, outcome
     FROM (SELECT 1 AS one) AS always LEFT JOIN idempotency_keys ON member = $1 AND key = $2"
);

const RECORD: Statement = statement!(
    "INSERT INTO idempotency_keys (member, key, fingerprint, outcome, created_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (member, key) DO NOTHING"
);

impl SqlStore {
    /// Carries a step out that is harmless to repeat.
    pub(super) async fn transact<T: Transaction>(&self, step: &T) -> Result<T::Outcome, StoreError> {
        let mut attempt = 1;
        loop {
            match self.attempt(step).await {
                Err(Fault::Conflict(_)) if attempt < ATTEMPTS => attempt += 1,
                outcome => return Ok(outcome?),
            }
        }
    }

    async fn attempt<T: Transaction>(&self, step: &T) -> Result<T::Outcome, Fault> {
        let mut session = self.database.begin().await?;
        match step.carry_out(&mut session).await? {
            Verdict::Keep(outcome) => session.commit().await.map(|()| outcome),
            Verdict::Undo(outcome) => session.rollback().await.map(|()| outcome),
        }
    }

    /// Carries a step out once for its key, and records its outcome in the same transaction.
    pub(super) async fn transact_once<T: Recorded>(
        &self,
        step: &T,
        key: Option<&IdempotencyKey>,
    ) -> Result<Once<T::Outcome>, StoreError> {
        let Some(key) = key else { return self.transact(step).await.map(Once::Done) };
        let mut undone = None;
        let mut attempt = 1;
        loop {
            match self.attempt_once(step, key, &mut undone).await {
                Ok(Some(outcome)) => return Ok(outcome),
                // Undone: once more, to record the refusal without its traces.
                Ok(None) => {}
                Err(Fault::Conflict(_)) if attempt < ATTEMPTS => attempt += 1,
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    async fn attempt_once<T: Recorded>(
        &self,
        step: &T,
        key: &IdempotencyKey,
        undone: &mut Option<T::Outcome>,
    ) -> Result<Option<Once<T::Outcome>>, Fault> {
        let mut session = self.database.begin().await?;
        if let Some(earlier) = find_record(&mut session, key).await? {
            session.rollback().await?;
            return Ok(Some(earlier));
        }
        let verdict = match undone.take() {
            Some(refusal) => Verdict::Keep(refusal),
            None => step.carry_out(&mut session).await?,
        };
        match verdict {
            Verdict::Keep(outcome) => {
                record(&mut session, key, &outcome, step.now()).await?;
                session.commit().await?;
                Ok(Some(Once::Done(outcome)))
            }
            Verdict::Undo(refusal) => {
                session.rollback().await?;
                *undone = Some(refusal);
                Ok(None)
            }
        }
    }
}

/// What an earlier call with this key came to; nothing when this is the first, which then has the key's lock.
async fn find_record<T: DeserializeOwned>(
    session: &mut Session,
    key: &IdempotencyKey,
) -> Result<Option<Once<T>>, Fault> {
    let arguments =
        arguments![key.member, key.key.as_str(), lock_number("key", &[key.member.0.as_bytes(), key.key.as_bytes()])];
    let row = session.row(&FIND_RECORD, arguments).await?.ok_or_else(|| Fault::corrupt("no row from a row"))?;
    let Some(fingerprint) = row.get::<Option<Vec<u8>>>("fingerprint")? else {
        return Ok(if row.get("locked")? { None } else { Some(Once::InProgress) });
    };
    if fingerprint != key.fingerprint {
        return Ok(Some(Once::KeyReused));
    }
    let outcome: String = row.get("outcome")?;
    serde_json::from_str(&outcome).map(|outcome| Some(Once::Replayed(outcome))).map_err(Fault::corrupt)
}

async fn record<T: Serialize>(
    session: &mut Session,
    key: &IdempotencyKey,
    outcome: &T,
    now: Timestamp,
) -> Result<(), Fault> {
    let outcome = serde_json::to_string(outcome).map_err(Fault::corrupt)?;
    let arguments = arguments![key.member, key.key.as_str(), key.fingerprint.as_slice(), outcome, now];
    match session.execute(&RECORD, arguments).await? {
        1 => Ok(()),
        // The first call committed after we had looked and before we got its lock: look again.
        _ => Err(Fault::Conflict("the idempotency key was recorded meanwhile".to_owned())),
    }
}

/// The number of an advisory lock on something named. Two names in 2^64 share one: then one of them waits needlessly.
pub(super) fn lock_number(purpose: &str, name: &[&[u8]]) -> i64 {
    let digest = name.iter().fold(Sha256::new_with_prefix(purpose), Sha256::chain_update).finalize();
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(number)
}
