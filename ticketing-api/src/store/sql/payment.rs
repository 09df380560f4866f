//! Paying a reservation, in one transaction.

use async_trait::async_trait;
use contract::ids::MemberId;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    claim,
    database::Database,
    fault::Fault,
    outbox,
    reservation::read,
    row::Row,
    session::Session,
    statement::{Statement, statement},
    token,
    transact::{Recorded, Transaction, Verdict},
    value::arguments,
    wallet::{self, Movement},
    word::Word,
};
use crate::{
    booking::{
        leaving::TokenEnd,
        payment::{NewPayment, Payment, PaymentId, PaymentOutcome},
        reservation::{Reservation, ReservationId, ReservationState},
        seat::SeatNumber,
        ticket::TicketId,
        wallet::{TransferId, TransferKind, Wallet},
    },
    store::{OutboxEvent, Page, PageRequest},
};

/// The reservation, one row a seat, with what else decides on its payment. Locks the token, then the reservation and
/// the wallet of its owner.
const LOCK: Statement = statement!(
    "SELECT " [wait_for_shared_lock "$3"] ", r.id, r.hold, r.member, r.performance, r.amount, r.currency, r.state, r.expires_at, r.created_at,
            s.seat, s.grade, s.section, s.price, NULL AS ticket, c.queue,
            (SELECT reason FROM ended_tokens WHERE token = $2) AS ended,
            a.balance, a.currency AS wallet_currency
     FROM reservations r JOIN reservation_seats s ON s.reservation = r.id JOIN accounts a ON a.id = r.member
     JOIN performances p ON p.id = r.performance JOIN concerts c ON c.id = p.concert
     WHERE r.id = $1 ORDER BY s.seat" [for_update "r, a"]
);

const INSERT: Statement = statement!(
    "INSERT INTO payments (id, reservation, member, token, amount, currency, state, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);

const CONFIRM: Statement = statement!("UPDATE reservations SET state = $2 WHERE id = $1");

const ISSUE: Statement = statement!(
    "INSERT INTO tickets (id, payment, reservation, performance, seat, member, price, state, issued_at)
     SELECT list.id, $4, s.reservation, $5, s.seat, $6, s.price, 'live', $7
     FROM reservation_seats s JOIN " [integers_and_ids "$2" "$3"] " ON list.n = s.seat WHERE s.reservation = $1"
);

const OF_MEMBER: Statement = statement!(
    "SELECT id, reservation, member, amount, currency, state, created_at FROM payments WHERE member = $1
     ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"
);

const COUNT: Statement = statement!("SELECT count(*) AS total FROM payments WHERE member = $1");

impl Recorded for NewPayment {
    fn now(&self) -> Timestamp {
        self.now
    }
}

#[async_trait]
impl Transaction for NewPayment {
    type Outcome = PaymentOutcome;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<PaymentOutcome>, Fault> {
        let rows = session.rows(&LOCK, arguments![self.reservation, self.token, token::lock_of(self.token)]).await?;
        let (Some(row), Some(reservation)) = (rows.first(), read(&rows)?.pop()) else {
            return Ok(Verdict::Keep(PaymentOutcome::ReservationUnknown));
        };
        let payment = match self.decide(row, &reservation)? {
            Ok(payment) => payment,
            Err(refusal) => {
                if let PaymentOutcome::Insufficient { payment, .. } = &refusal {
                    insert(session, self, payment).await?;
                }
                return Ok(Verdict::Keep(refusal));
            }
        };
        // Two payments of one member with the token may have come as far as this at once.
        if let Some(end) = token::end(session, self.token, TokenEnd::Paid, self.now, None).await? {
            return Ok(Verdict::Undo(ended(end)));
        }
        insert(session, self, &payment).await?;
        if claim::sell(session, reservation.hold).await? != reservation.seats.len() as u64 {
            // By another instance's clock the reservation was over, and somebody took a seat.
            return Ok(Verdict::Undo(PaymentOutcome::Expired));
        }
        wallet::transfer(session, &self.movement(&payment)).await?;
        session.execute(&CONFIRM, arguments![reservation.id, ReservationState::Confirmed.word()]).await?;
        issue(session, &payment, &reservation).await?;
        let release = OutboxEvent::ReleaseToken { token: self.token, queue: self.queue.clone() };
        outbox::add(session, &release, self.now).await?;
        Ok(Verdict::Keep(PaymentOutcome::Completed(payment)))
    }
}

impl NewPayment {
    /// The completed payment, or why there is none.
    fn decide(&self, row: &Row, reservation: &Reservation) -> Result<Result<Payment, PaymentOutcome>, Fault> {
        let end = row.optional_word("ended")?;
        // Said before what became of the reservation: leaving has cancelled it.
        if end == Some(TokenEnd::Left) {
            return Ok(Err(ended(TokenEnd::Left)));
        }
        let payment = match reservation.pay(self) {
            Ok(payment) => payment,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if row.queue("queue")? != self.queue {
            return Ok(Err(PaymentOutcome::WrongQueue));
        }
        if let Some(end) = end {
            return Ok(Err(ended(end)));
        }
        let wallet = Wallet { member: reservation.member, balance: wallet::balance(row)? };
        Ok(wallet.pay(payment))
    }

    fn movement(&self, payment: &Payment) -> Movement {
        Movement {
            // A payment moves money once, so its transfer can have its id.
            id: TransferId(self.id.0),
            kind: TransferKind::Payment,
            payment: Some(self.id),
            wallet: payment.member,
            change: -payment.amount.amount,
            currency: payment.amount.currency,
            now: self.now,
        }
    }
}

fn ended(end: TokenEnd) -> PaymentOutcome {
    match end {
        TokenEnd::Paid => PaymentOutcome::TokenConsumed,
        TokenEnd::Left => PaymentOutcome::TokenLeft,
    }
}

async fn insert(session: &mut Session, new: &NewPayment, payment: &Payment) -> Result<(), Fault> {
    let payment = arguments![
        payment.id,
        payment.reservation,
        payment.member,
        new.token,
        payment.amount.amount,
        payment.amount.currency,
        payment.state.word(),
        payment.created_at,
    ];
    session.execute(&INSERT, payment).await.map(drop)
}

async fn issue(session: &mut Session, payment: &Payment, reservation: &Reservation) -> Result<(), Fault> {
    let seats: Vec<SeatNumber> = reservation.seats.iter().map(|seat| seat.number).collect();
    let ids: Vec<Uuid> = seats.iter().map(|seat| TicketId::of(payment.id, *seat).0).collect();
    let tickets = arguments![
        reservation.id,
        seats.as_slice(),
        ids,
        payment.id,
        reservation.performance,
        payment.member,
        payment.created_at,
    ];
    session.execute(&ISSUE, tickets).await.map(drop)
}

pub(super) async fn payments(database: &Database, member: MemberId, page: PageRequest) -> Result<Page<Payment>, Fault> {
    let rows = database.rows(&OF_MEMBER, arguments![member, page.limit(), page.offset()]).await?;
    let items = rows.iter().map(read_payment).collect::<Result<_, Fault>>()?;
    let total = database.row(&COUNT, arguments![member]).await?;
    Page::of(items, total.as_ref())
}

fn read_payment(row: &Row) -> Result<Payment, Fault> {
    Ok(Payment {
        id: PaymentId(row.get("id")?),
        reservation: ReservationId(row.get("reservation")?),
        member: MemberId(row.get("member")?),
        amount: row.money("amount")?,
        state: row.word("state")?,
        created_at: row.instant("created_at")?,
    })
}
