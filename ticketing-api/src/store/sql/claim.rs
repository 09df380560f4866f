//! The end of claims on seats. Rows are locked in the order in which holds claim them.

use super::{
    fault::Fault,
    session::Session,
    statement::{Statement, statement},
    value::{Value, arguments},
};
use crate::booking::hold::HoldId;

/// Only what is still the holds' own: a claim past its time may have passed to another hold.
const FREE: Statement = statement!(
    "WITH own AS (
         SELECT performance, seat FROM seat_claims WHERE hold IN (SELECT id FROM " [ids "$1"] ")
         ORDER BY performance, seat" [for_update "seat_claims"] "
     )
     DELETE FROM seat_claims WHERE (performance, seat) IN (SELECT performance, seat FROM own)"
);

const SELL: Statement = statement!(
    "WITH own AS (
         SELECT performance, seat FROM seat_claims WHERE hold = $1 ORDER BY performance, seat" [for_update "seat_claims"] "
     )
     UPDATE seat_claims SET expires_at = NULL WHERE (performance, seat) IN (SELECT performance, seat FROM own)"
);

/// Makes the seats of the holds free again.
pub(super) async fn free(session: &mut Session, holds: impl IntoIterator<Item = HoldId>) -> Result<(), Fault> {
    let holds: Vec<uuid::Uuid> = holds.into_iter().map(|hold| hold.0).collect();
    if !holds.is_empty() {
        session.execute(&FREE, vec![Value::from(holds)]).await?;
    }
    Ok(())
}

/// Makes the claims of a hold last for good; tells how many there were.
pub(super) async fn sell(session: &mut Session, hold: HoldId) -> Result<u64, Fault> {
    session.execute(&SELL, arguments![hold]).await
}
