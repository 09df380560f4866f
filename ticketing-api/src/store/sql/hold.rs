//! Holding seats: all of them or none.

use std::collections::BTreeMap;

use async_trait::async_trait;
use contract::ids::{ActiveTokenId, MemberId};
use jiff::Timestamp;

use super::{
    fault::Fault,
    row::Row,
    seat,
    session::Session,
    statement::{Statement, statement},
    token,
    transact::{Recorded, Transaction, Verdict, lock_number},
    value::arguments,
    word::Word,
};
use crate::booking::{
    concert::{PerformanceId, SaleState},
    hold::{Hold, HoldId, HoldOutcome, HoldState, NewHold},
    leaving::TokenEnd,
    seat::{SeatNumber, SeatState},
};

/// The performance with those of the wanted seats that it has. Locks the token, and the member's business with this
/// performance, so that two holds of theirs do not both find them below the limit.
const SITUATION: Statement = statement!(
    "SELECT " [wait_for_shared_lock "$5"] ", " [wait_for_lock "$4"] ", p.sale_opens_at, p.sale_closes_at, c.queue,
            (SELECT reason FROM ended_tokens WHERE token = $3) AS ended,
            s.number, s.blocked, k.hold AS claimed_by, k.expires_at AS claimed_until
     FROM performances p JOIN concerts c ON c.id = p.concert
     LEFT JOIN seats s ON s.performance = p.id AND s.number IN (SELECT n FROM " [integers "$2"] ")
     LEFT JOIN seat_claims k ON k.performance = s.performance AND k.seat = s.number
     WHERE p.id = $1"
);

/// Seats are claimed in ascending order, so that two holds with seats in common never wait for each other in a ring.
/// A claim whose time is over is taken over; one that lives is left, and then fewer rows change than were wanted.
const CLAIM: Statement = statement!(
    "INSERT INTO seat_claims (performance, seat, hold, member, expires_at)
     SELECT performance, number, $3, $4, $5 FROM seats
     WHERE performance = $1 AND number IN (SELECT n FROM " [integers "$2"] ") AND NOT blocked ORDER BY number
     ON CONFLICT (performance, seat) DO UPDATE
     SET hold = excluded.hold, member = excluded.member, expires_at = excluded.expires_at
     WHERE seat_claims.expires_at <= $6"
);

const INSERT: Statement = statement!(
    "INSERT INTO holds (id, performance, member, token, seats, expires_at, state, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, 'held', $7)
     RETURNING (SELECT count(*) FROM seat_claims k WHERE k.member = $3 AND k.performance = $2
                AND (k.expires_at IS NULL OR k.expires_at > $7)) AS owned,
               (SELECT reason FROM ended_tokens WHERE token = $4) AS ended"
);

const SET_STATE: Statement = statement!("UPDATE holds SET state = $2 WHERE id = $1");

const TAKEN: Statement = statement!(
    "SELECT seat FROM seat_claims WHERE performance = $1 AND seat IN (SELECT n FROM " [integers "$2"] ")
     AND hold <> $3 AND (expires_at IS NULL OR expires_at > $4) ORDER BY seat"
);

impl Recorded for NewHold {
    fn now(&self) -> Timestamp {
        self.now
    }
}

#[async_trait]
impl Transaction for NewHold {
    type Outcome = HoldOutcome;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<HoldOutcome>, Fault> {
        let wanted = self.seats.as_slice();
        let limit = self.max_seats_per_member;
        if wanted.len() > limit as usize {
            return Ok(Verdict::Keep(HoldOutcome::TooManySeats { limit }));
        }
        let lock = lock_number("hold", &[self.member.0.as_bytes(), self.performance.0.as_bytes()]);
        let rows = session
            .rows(&SITUATION, arguments![self.performance, wanted, self.token, lock, token::lock_of(self.token)])
            .await?;
        // Most who come too late learn it here, without a write.
        if let Some(refusal) = self.refusal(&rows)? {
            return Ok(Verdict::Keep(refusal));
        }
        let claim = arguments![self.performance, wanted, self.id, self.member, self.expires_at, self.now];
        if session.execute(&CLAIM, claim).await? != wanted.len() as u64 {
            let rows = session.rows(&TAKEN, arguments![self.performance, wanted, self.id, self.now]).await?;
            let taken = rows.iter().map(|row| row.seat("seat")).collect::<Result<_, _>>()?;
            return Ok(Verdict::Undo(HoldOutcome::SeatsTaken(taken)));
        }
        let hold = self.held();
        let seats = serde_json::to_string(&hold.seats).map_err(Fault::corrupt)?;
        let insert = arguments![self.id, self.performance, self.member, self.token, seats, self.expires_at, self.now];
        let row = session.row(&INSERT, insert).await?.ok_or_else(|| Fault::corrupt("no row from an insert"))?;
        if let Some(end) = row.optional_word("ended")? {
            return Ok(Verdict::Undo(ended(end)));
        }
        if row.count("owned")? > limit {
            return Ok(Verdict::Undo(HoldOutcome::TooManySeats { limit }));
        }
        Ok(Verdict::Keep(HoldOutcome::Held(hold)))
    }
}

impl NewHold {
    /// Why these seats cannot be held, in the order in which a buyer can do something about it.
    fn refusal(&self, rows: &[Row]) -> Result<Option<HoldOutcome>, Fault> {
        let Some(performance) = rows.first() else { return Ok(Some(HoldOutcome::PerformanceUnknown)) };
        if performance.queue("queue")? != self.queue {
            return Ok(Some(HoldOutcome::WrongQueue));
        }
        if let Some(end) = performance.optional_word("ended")? {
            return Ok(Some(ended(end)));
        }
        let (opens, closes) = (performance.instant("sale_opens_at")?, performance.instant("sale_closes_at")?);
        match SaleState::at(opens, closes, self.now) {
            SaleState::NotOpen => return Ok(Some(HoldOutcome::SaleNotOpen)),
            SaleState::Closed => return Ok(Some(HoldOutcome::SaleClosed)),
            SaleState::Open => {}
        }
        let seats = states(rows, self.now)?;
        let wanted = |which: &dyn Fn(Option<&SeatState>) -> bool| -> Vec<SeatNumber> {
            self.seats.as_slice().iter().copied().filter(|seat| which(seats.get(seat))).collect()
        };
        let unknown = wanted(&|state| state.is_none());
        let blocked = wanted(&|state| state == Some(&SeatState::Blocked));
        let taken = wanted(&|state| matches!(state, Some(SeatState::Held | SeatState::Sold)));
        Ok(if !unknown.is_empty() {
            Some(HoldOutcome::UnknownSeats(unknown))
        } else if !blocked.is_empty() {
            Some(HoldOutcome::SeatsBlocked(blocked))
        } else if !taken.is_empty() {
            Some(HoldOutcome::SeatsTaken(taken))
        } else {
            None
        })
    }

    fn held(&self) -> Hold {
        Hold {
            id: self.id,
            performance: self.performance,
            member: self.member,
            token: self.token,
            seats: self.seats.as_slice().to_vec(),
            expires_at: self.expires_at,
            state: HoldState::Held,
        }
    }
}

fn ended(end: TokenEnd) -> HoldOutcome {
    match end {
        TokenEnd::Paid => HoldOutcome::TokenConsumed,
        TokenEnd::Left => HoldOutcome::TokenLeft,
    }
}

/// The states of the seats that the rows have; a lone row without a seat stands for none.
fn states(rows: &[Row], now: Timestamp) -> Result<BTreeMap<SeatNumber, SeatState>, Fault> {
    let mut states = BTreeMap::new();
    for row in rows {
        if row.get::<Option<i64>>("number")?.is_some() {
            states.insert(row.seat("number")?, seat::state(row, now)?);
        }
    }
    Ok(states)
}

/// Writes what became of a hold that the transaction has locked.
pub(super) async fn set_state(session: &mut Session, hold: &Hold) -> Result<(), Fault> {
    session.execute(&SET_STATE, arguments![hold.id, hold.state.word()]).await.map(drop)
}

/// A hold from a row with all its columns.
pub(super) fn read(row: &Row) -> Result<Hold, Fault> {
    let seats: String = row.get("seats")?;
    Ok(Hold {
        id: HoldId(row.get("id")?),
        performance: PerformanceId(row.get("performance")?),
        member: MemberId(row.get("member")?),
        token: ActiveTokenId(row.get("token")?),
        seats: serde_json::from_str(&seats).map_err(Fault::corrupt)?,
        expires_at: row.instant("expires_at")?,
        state: row.word("state")?,
    })
}
