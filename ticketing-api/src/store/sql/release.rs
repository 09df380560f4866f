//! Giving a hold up.

use async_trait::async_trait;
use contract::ids::MemberId;
use jiff::Timestamp;

use super::{
    claim,
    fault::Fault,
    hold,
    session::Session,
    statement::{Statement, statement},
    transact::{Transaction, Verdict},
    value::arguments,
};
use crate::booking::hold::{HoldId, ReleaseOutcome};

const LOCK: Statement = statement!(
    "SELECT id, performance, member, token, seats, expires_at, state FROM holds WHERE id = $1" [for_update "holds"]
);

/// A hold to be given up.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) id: HoldId,
    pub(super) member: MemberId,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for Release {
    type Outcome = ReleaseOutcome;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<ReleaseOutcome>, Fault> {
        let Some(row) = session.row(&LOCK, arguments![self.id]).await? else {
            return Ok(Verdict::Keep(ReleaseOutcome::HoldUnknown));
        };
        let hold = match hold::read(&row)?.release(self.member, self.now) {
            Ok(hold) => hold,
            Err(refusal) => return Ok(Verdict::Keep(refusal)),
        };
        hold::set_state(session, &hold).await?;
        claim::free(session, [hold.id]).await?;
        Ok(Verdict::Keep(ReleaseOutcome::Released(hold)))
    }
}
