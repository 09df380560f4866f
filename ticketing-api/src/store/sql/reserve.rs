//! Turning a hold into a reservation.

use async_trait::async_trait;
use contract::ids::ActiveTokenId;
use jiff::Timestamp;

use super::{
    fault::Fault,
    hold,
    reservation::read_seats,
    session::Session,
    statement::{Statement, statement},
    token,
    transact::{Recorded, Transaction, Verdict},
    value::arguments,
    word::Word,
};
use crate::booking::{
    leaving::TokenEnd,
    money::Money,
    reservation::{NewReservation, Reservation, ReservationState, ReserveOutcome},
};

/// The hold with the seats that are still claimed for it. Locks the token, then the hold.
const LOCK_HOLD: Statement = statement!(
    "SELECT " [wait_for_shared_lock "$3"] ", h.id, h.performance, h.member, h.token, h.seats, h.expires_at, h.state, c.queue, p.currency,
            (SELECT reason FROM ended_tokens WHERE token = $2) AS ended,
            s.number AS seat, s.grade, s.section, s.price
     FROM holds h JOIN performances p ON p.id = h.performance JOIN concerts c ON c.id = p.concert
     LEFT JOIN seat_claims k ON k.hold = h.id
     LEFT JOIN seats s ON s.performance = k.performance AND s.number = k.seat
     WHERE h.id = $1 ORDER BY s.number" [for_update "h"]
);

const INSERT: Statement = statement!(
    "INSERT INTO reservations (id, hold, member, performance, amount, currency, state, expires_at, created_at, token)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     RETURNING (SELECT reason FROM ended_tokens WHERE token = $10) AS ended"
);

const INSERT_SEATS: Statement = statement!(
    "INSERT INTO reservation_seats (reservation, seat, grade, section, price)
     SELECT $1, s.number, s.grade, s.section, s.price
     FROM seat_claims k JOIN seats s ON s.performance = k.performance AND s.number = k.seat WHERE k.hold = $2"
);

impl Recorded for NewReservation {
    fn now(&self) -> Timestamp {
        self.now
    }
}

#[async_trait]
impl Transaction for NewReservation {
    type Outcome = ReserveOutcome;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<ReserveOutcome>, Fault> {
        let rows = session.rows(&LOCK_HOLD, arguments![self.hold, self.token, token::lock_of(self.token)]).await?;
        let Some(row) = rows.first() else { return Ok(Verdict::Keep(ReserveOutcome::HoldUnknown)) };
        if row.queue("queue")? != self.queue {
            return Ok(Verdict::Keep(ReserveOutcome::WrongQueue));
        }
        if let Some(end) = row.optional_word("ended")? {
            return Ok(Verdict::Keep(ended(end)));
        }
        let hold = match hold::read(row)?.reserve(self.member, self.now) {
            Ok(hold) => hold,
            Err(refusal) => return Ok(Verdict::Keep(refusal)),
        };
        let seats = read_seats(&rows)?;
        if seats.len() != hold.seats.len() {
            // By another instance's clock the hold was over, and somebody took a seat.
            return Ok(Verdict::Keep(ReserveOutcome::HoldExpired));
        }
        let amount = Money::sum(row.currency()?, seats.iter().map(|seat| seat.price)).map_err(Fault::corrupt)?;
        let reservation = Reservation {
            id: self.id,
            hold: hold.id,
            member: hold.member,
            performance: hold.performance,
            seats,
            amount,
            state: ReservationState::AwaitingPayment,
            expires_at: hold.expires_at,
            created_at: self.now,
            tickets: vec![],
        };
        hold::set_state(session, &hold).await?;
        if let Some(end) = insert(session, &reservation, self.token).await? {
            return Ok(Verdict::Undo(ended(end)));
        }
        session.execute(&INSERT_SEATS, arguments![reservation.id, hold.id]).await?;
        Ok(Verdict::Keep(ReserveOutcome::Reserved(reservation)))
    }
}

fn ended(end: TokenEnd) -> ReserveOutcome {
    match end {
        TokenEnd::Paid => ReserveOutcome::TokenConsumed,
        TokenEnd::Left => ReserveOutcome::TokenLeft,
    }
}

/// Tells when the token has ended meanwhile.
async fn insert(session: &mut Session, new: &Reservation, token: ActiveTokenId) -> Result<Option<TokenEnd>, Fault> {
    let reservation = arguments![
        new.id,
        new.hold,
        new.member,
        new.performance,
        new.amount.amount,
        new.amount.currency,
        new.state.word(),
        new.expires_at,
        new.created_at,
        token,
    ];
    let row = session.row(&INSERT, reservation).await?.ok_or_else(|| Fault::corrupt("no row from an insert"))?;
    row.optional_word("ended")
}
