//! Ending what ran out of time. Everything is exact without it; it keeps tables and the fast store tidy.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    claim,
    fault::Fault,
    hold,
    reservation::{self, BY_IDS},
    row::Row,
    session::Session,
    statement::{Statement, statement},
    transact::{Transaction, Verdict},
    value::arguments,
};
use crate::store::Swept;

/// Rows that a payment or another sweep has locked are passed over; PostgreSQL looks at a row's state again once it has
/// the lock.
///
/// The due rows are chosen in a `WITH`: as a subquery they could be chosen anew for each row, past the limit.
const EXPIRE_HOLDS: Statement = statement!(
    "WITH due AS (
         SELECT id FROM holds WHERE state = 'held' AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2" [skip_locked] "
     )
     UPDATE holds SET state = 'expired' WHERE id IN (SELECT id FROM due)
     RETURNING id, performance, member, token, seats, expires_at, state"
);

const EXPIRE_RESERVATIONS: Statement = statement!(
    "WITH due AS (
         SELECT id FROM reservations WHERE state = 'awaiting_payment' AND expires_at <= $1
         ORDER BY expires_at, id LIMIT $2" [skip_locked] "
     )
     UPDATE reservations SET state = 'expired' WHERE id IN (SELECT id FROM due)
     RETURNING id"
);

/// A sweep at an instant.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) now: Timestamp,
    pub(super) limit: u32,
}

#[async_trait]
impl Transaction for Sweep {
    type Outcome = Swept;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<Swept>, Fault> {
        let rows = session.rows(&EXPIRE_HOLDS, arguments![self.now, self.limit]).await?;
        let mut holds = rows.iter().map(hold::read).collect::<Result<Vec<_>, _>>()?;
        holds.sort_by_key(|hold| (hold.expires_at, hold.id));

        let rows = session.rows(&EXPIRE_RESERVATIONS, arguments![self.now, self.limit]).await?;
        let ids = rows.iter().map(|row: &Row| row.get("id")).collect::<Result<Vec<Uuid>, _>>()?;
        let reservations =
            if ids.is_empty() { vec![] } else { reservation::read(&session.rows(&BY_IDS, arguments![ids]).await?)? };

        let over = holds.iter().map(|hold| hold.id).chain(reservations.iter().map(|reservation| reservation.hold));
        claim::free(session, over).await?;
        Ok(Verdict::Keep(Swept { holds, reservations }))
    }
}
