//! Our side: one member books one seat through the store.

use std::time::Duration;

use anyhow::{Context, bail};
use contract::{
    clock::{Clock, SystemClock},
    ids::{ActiveTokenId, MemberId},
};
use jiff::Timestamp;
use ticketing_api::{
    booking::{
        hold::{HoldId, HoldOutcome, NewHold},
        payment::{NewPayment, PaymentId, PaymentOutcome},
        reservation::{NewReservation, ReservationId, ReserveOutcome},
        seat::{SeatNumber, SeatSelection},
    },
    store::{IdempotencyKey, Once, TicketStore},
};
use uuid::Uuid;

use super::sale::Sale;

/// Everything that is new in one booking, in the forms in which the API makes them.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) member: MemberId,
    pub(super) token: ActiveTokenId,
    pub(super) seat: SeatNumber,
    /// Random: the API makes it a hash of the idempotency key.
    pub(super) hold: HoldId,
    pub(super) reservation: ReservationId,
    pub(super) payment: PaymentId,
    /// Of the three calls.
    pub(super) keys: [String; 3],
    /// Of the three calls; no two are the same, so that each is known again where it was written.
    pub(super) instants: [Timestamp; 3],
    pub(super) expires_at: Timestamp,
}

impl Visit {
    /// Of the member who buys the seat with this index.
    pub(super) fn new(sale: &Sale, index: u32) -> Self {
        let now = SystemClock.now();
        let key = || Uuid::new_v4().to_string();
        Self {
            member: sale.member(index),
            token: ActiveTokenId::generate(&SystemClock),
            seat: SeatNumber(index + 1),
            hold: HoldId(Uuid::new_v4()),
            reservation: ReservationId::generate(&SystemClock),
            payment: PaymentId::generate(&SystemClock),
            keys: [key(), key(), key()],
            instants: [0, 1, 2].map(|later| now + Duration::from_micros(later)),
            expires_at: now + Duration::from_mins(5),
        }
    }

    /// Holds, reserves and pays; a refusal is an error.
    pub(super) async fn book(&self, store: &dyn TicketStore, sale: &Sale) -> anyhow::Result<()> {
        let &Self { member, token, seat, hold, reservation, payment, .. } = self;
        let queue = || sale.queue.clone();
        let new = NewHold {
            id: hold,
            performance: sale.performance,
            member,
            token,
            queue: queue(),
            seats: SeatSelection::try_from(vec![seat]).context("one seat is no selection")?,
            expires_at: self.expires_at,
            now: self.instants[0],
            max_seats_per_member: 4,
        };
        match store.hold(new, Some(&self.key(0))).await? {
            Once::Done(HoldOutcome::Held(_)) => {}
            refusal => bail!("a hold was refused: {refusal:?}"),
        }
        let new = NewReservation { id: reservation, hold, member, token, queue: queue(), now: self.instants[1] };
        match store.reserve(new, Some(&self.key(1))).await? {
            Once::Done(ReserveOutcome::Reserved(_)) => {}
            refusal => bail!("a reservation was refused: {refusal:?}"),
        }
        let new = NewPayment { id: payment, reservation, member, token, queue: queue(), now: self.instants[2] };
        match store.pay(new, &self.key(2)).await? {
            Once::Done(PaymentOutcome::Completed(_)) => Ok(()),
            refusal => bail!("a payment was refused: {refusal:?}"),
        }
    }

    /// The fingerprint is computed from the request, which there is none of here.
    fn key(&self, call: usize) -> IdempotencyKey {
        IdempotencyKey { member: self.member, key: self.keys[call].clone(), fingerprint: [0x5a; 32] }
    }
}
