//! Leaving: the token ends, and what was held or reserved with it is free again, in one transaction.

use async_trait::async_trait;
use uuid::Uuid;

use super::{
    claim,
    fault::Fault,
    hold, outbox,
    reservation::{self, BY_IDS},
    row::Row,
    session::Session,
    statement::{Statement, statement},
    token,
    transact::{Transaction, Verdict},
    value::arguments,
};
use crate::{
    booking::leaving::{GivenBack, LeaveRefusal, NewLeave, TokenEnd},
    store::OutboxEvent,
};

/// Waits until everything that is being done with the token is done, and keeps the rest out.
const LOCK: Statement = statement!("SELECT " [wait_for_lock "$1"] " AS locked");

/// What is past its time is left to the sweep, which tells what became of it.
const RELEASE_HOLDS: Statement = statement!(
    "WITH own AS (
         SELECT id FROM holds WHERE token = $1 AND state = 'held' AND expires_at > $2 ORDER BY id" [for_update "holds"] "
     )
     UPDATE holds SET state = 'released' WHERE id IN (SELECT id FROM own)
     RETURNING id, performance, member, token, seats, expires_at, state"
);

const CANCEL_RESERVATIONS: Statement = statement!(
    "WITH own AS (
         SELECT id FROM reservations WHERE token = $1 AND state = 'awaiting_payment' AND expires_at > $2
         ORDER BY id" [for_update "reservations"] "
     )
     UPDATE reservations SET state = 'cancelled' WHERE id IN (SELECT id FROM own)
     RETURNING id"
);

#[async_trait]
impl Transaction for NewLeave {
    type Outcome = Result<GivenBack, LeaveRefusal>;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<Self::Outcome>, Fault> {
        session.rows(&LOCK, arguments![token::lock_of(self.token)]).await?;
        let (ended, holder) = token::ended_and_holder(session, self.token).await?;
        if ended.is_some() {
            return Ok(Verdict::Keep(Ok(GivenBack::default())));
        }
        if let Err(refusal) = self.allowed(holder) {
            return Ok(Verdict::Keep(Err(refusal)));
        }
        token::end(session, self.token, TokenEnd::Left, self.now, Some(self.expires_at)).await?;

        let rows = session.rows(&RELEASE_HOLDS, arguments![self.token, self.now]).await?;
        let mut holds = rows.iter().map(hold::read).collect::<Result<Vec<_>, _>>()?;
        holds.sort_by_key(|hold| hold.id);
        let rows = session.rows(&CANCEL_RESERVATIONS, arguments![self.token, self.now]).await?;
        let ids = rows.iter().map(|row: &Row| row.get("id")).collect::<Result<Vec<Uuid>, _>>()?;
        let reservations =
            if ids.is_empty() { vec![] } else { reservation::read(&session.rows(&BY_IDS, arguments![ids]).await?)? };

        let over = holds.iter().map(|hold| hold.id).chain(reservations.iter().map(|reservation| reservation.hold));
        claim::free(session, over).await?;
        let release = OutboxEvent::ReleaseToken { token: self.token, queue: self.queue.clone() };
        outbox::add(session, &release, self.now).await?;
        Ok(Verdict::Keep(Ok(GivenBack { holds, reservations })))
    }
}
