//! Hold, reserve, pay: the only way to seats. Every step takes [`Admitted`], which only [`crate::access`] gives out;
//! and leaving, which gives the seats back, takes [`Leaving`].
//!
//! A hold is marked in the fast store first, so that those who come too late are answered without the database, and
//! then claimed in the database, which decides. After a payment the marks are left to expire: until then late comers
//! are refused early, afterwards by the database, where the seats are sold.

mod marks;

use std::{sync::Arc, time::Duration};

use contract::clock::SharedClock;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::Deserialize;
use service::settings::{Faults, Validate};
use sha2::{Digest, Sha256};

pub use self::marks::{SeatMark, SeatMarks};
use crate::{
    access::{Access, Admitted, Leaving},
    booking::{
        concert::PerformanceId,
        hold::{HoldId, HoldOutcome, NewHold, ReleaseOutcome},
        leaving::{GivenBack, LeaveRefusal},
        payment::{NewPayment, PaymentId, PaymentOutcome},
        reservation::{NewReservation, ReservationId, ReserveOutcome},
        seat::{SeatNumber, SeatSelection},
    },
    metrics::SalesMetrics,
    payments::PaymentProcessor,
    store::{IdempotencyKey, Once, StoreError, TicketStore},
};

/// The rules of a sale.
#[derive(Clone, Debug, Deserialize)]
pub struct BookingSettings {
    /// How long seats are kept for whoever holds them; a reservation has to be paid within the same time.
    #[serde(with = "duration")]
    pub hold_for: Duration,
    /// Most seats of one performance that a member may have: held, reserved and bought together.
    pub max_seats_per_member: u32,
}

impl Validate for BookingSettings {
    fn validate(&self, at: &mut Faults) {
        at.positive_duration("hold_for", self.hold_for);
        at.within_range("max_seats_per_member", self.max_seats_per_member, 1..=1000);
    }
}

/// Sells seats to those who were admitted.
#[derive(Debug)]
pub struct Sales {
    store: Arc<dyn TicketStore>,
    marks: Arc<SeatMarks>,
    payments: Arc<dyn PaymentProcessor>,
    access: Arc<Access>,
    clock: SharedClock,
    rules: BookingSettings,
    metrics: SalesMetrics,
}

/// What sales are made with.
#[derive(Debug)]
pub struct SalesParts {
    /// The truth.
    pub store: Arc<dyn TicketStore>,
    /// Who holds what right now.
    pub marks: Arc<SeatMarks>,
    /// Takes the money.
    pub payments: Arc<dyn PaymentProcessor>,
    /// Told which tokens are used up.
    pub access: Arc<Access>,
    /// The time.
    pub clock: SharedClock,
}

impl Sales {
    /// Sales under these rules.
    pub fn new(parts: SalesParts, rules: BookingSettings, metrics: SalesMetrics) -> Self {
        let SalesParts { store, marks, payments, access, clock } = parts;
        Self { store, marks, payments, access, clock, rules, metrics }
    }

    /// Most seats of one performance that a member may have: held, reserved and bought together.
    pub fn max_seats_per_member(&self) -> u32 {
        self.rules.max_seats_per_member
    }

    /// Holds the seats for the member, all or none.
    pub async fn hold(
        &self,
        admitted: &Admitted,
        performance: PerformanceId,
        seats: SeatSelection,
        key: Option<&IdempotencyKey>,
    ) -> Result<Once<HoldOutcome>, StoreError> {
        let outcome = self.try_hold(admitted, performance, seats, key).await;
        self.metrics.hold(label(&outcome, hold_label));
        outcome
    }

    async fn try_hold(
        &self,
        admitted: &Admitted,
        performance: PerformanceId,
        seats: SeatSelection,
        key: Option<&IdempotencyKey>,
    ) -> Result<Once<HoldOutcome>, StoreError> {
        if let Some(refusal) = self.refuse_unread(&seats) {
            return Ok(Once::Done(refusal));
        }
        let id = key.map_or_else(|| HoldId::generate(&*self.clock), |key| hold_id_of(admitted, key));
        let mark = match self.marks.mark(performance, seats.as_slice(), id, self.rules.hold_for).await {
            Ok(mark) => mark,
            Err(taken) => {
                self.metrics.taken_in_fast_store();
                return Ok(Once::Done(HoldOutcome::SeatsTaken(taken)));
            }
        };
        let now = self.clock.now();
        let hold = NewHold {
            id,
            performance,
            member: admitted.member(),
            token: admitted.token(),
            queue: admitted.queue().clone(),
            seats,
            expires_at: now.checked_add(self.rules.hold_for).unwrap_or(jiff::Timestamp::MAX),
            now,
            max_seats_per_member: self.rules.max_seats_per_member,
        };
        let outcome = self.store.hold(hold, key).await?;
        match &outcome {
            Once::Done(HoldOutcome::Held(_)) => mark.keep(),
            Once::Done(HoldOutcome::SeatsTaken(_)) => self.metrics.taken_in_database(),
            // Also a repeated call: whether its hold is still live is not known here, and marks are only a short cut.
            _ => {}
        }
        Ok(outcome)
    }

    /// What can be refused without asking anybody: it keeps senseless numbers out of the fast store.
    fn refuse_unread(&self, seats: &SeatSelection) -> Option<HoldOutcome> {
        let limit = self.rules.max_seats_per_member;
        if u32::try_from(seats.len()).is_ok_and(|wanted| wanted <= limit) {
            let unknown: Vec<SeatNumber> = seats.as_slice().iter().copied().filter(|seat| !seat.is_valid()).collect();
            (!unknown.is_empty()).then_some(HoldOutcome::UnknownSeats(unknown))
        } else {
            Some(HoldOutcome::TooManySeats { limit })
        }
    }

    /// Gives a hold up.
    pub async fn release(&self, admitted: &Admitted, hold: HoldId) -> Result<ReleaseOutcome, StoreError> {
        let outcome = self.store.release_hold(hold, admitted.member(), self.clock.now()).await?;
        if let ReleaseOutcome::Released(hold) = &outcome {
            self.marks.unmark(hold.performance, &hold.seats, hold.id).await;
        }
        Ok(outcome)
    }

    /// Turns a hold into a reservation awaiting payment; the deadline stays.
    pub async fn reserve(
        &self,
        admitted: &Admitted,
        hold: HoldId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Once<ReserveOutcome>, StoreError> {
        let reservation = NewReservation {
            id: ReservationId::generate(&*self.clock),
            hold,
            member: admitted.member(),
            token: admitted.token(),
            queue: admitted.queue().clone(),
            now: self.clock.now(),
        };
        let outcome = self.store.reserve(reservation, key).await;
        self.metrics.reservation(label(&outcome, reserve_label));
        outcome
    }

    /// Pays a reservation, which uses the active token up.
    pub async fn pay(
        &self,
        admitted: &Admitted,
        reservation: ReservationId,
        key: &IdempotencyKey,
    ) -> Result<Once<PaymentOutcome>, StoreError> {
        let payment = NewPayment {
            id: PaymentId::generate(&*self.clock),
            reservation,
            member: admitted.member(),
            token: admitted.token(),
            queue: admitted.queue().clone(),
            now: self.clock.now(),
        };
        let outcome = self.payments.pay(payment, key).await;
        self.metrics.payment(label(&outcome, payment_label));
        // Not only after a success: an unknown outcome may be one.
        self.access.forget(admitted.token()).await;
        outcome
    }

    /// Gives a turn back, with all that is held or reserved with it: the seats are free at once.
    pub async fn leave(&self, leaving: &Leaving) -> Result<Result<GivenBack, LeaveRefusal>, StoreError> {
        let leave = leaving.at(self.clock.now());
        let token = leave.token;
        let outcome = self.store.leave(leave).await;
        self.metrics.leaving(match &outcome {
            Ok(Ok(_)) => "left",
            Ok(Err(_)) => "refused",
            Err(_) => "error",
        });
        // Not only after a success: an unknown outcome may be one.
        self.access.forget(token).await;
        let outcome = outcome?;
        if let Ok(GivenBack { holds, reservations }) = &outcome {
            for hold in holds {
                self.marks.unmark(hold.performance, &hold.seats, hold.id).await;
            }
            for reservation in reservations {
                let seats: Vec<SeatNumber> = reservation.seats.iter().map(|seat| seat.number).collect();
                self.marks.unmark(reservation.performance, &seats, reservation.hold).await;
            }
        }
        Ok(outcome)
    }
}

/// The id of a hold that is made under an idempotency key (`UUIDv8`: a hash).
///
/// A repeated call has to find its own marks in the fast store instead of being refused by them.
fn hold_id_of(admitted: &Admitted, key: &IdempotencyKey) -> HoldId {
    let digest = Sha256::new()
        .chain_update(key.member.0.as_bytes())
        .chain_update(admitted.token().0.as_bytes())
        .chain_update(key.key.as_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    HoldId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn label<T>(outcome: &Result<Once<T>, StoreError>, of_outcome: impl Fn(&T) -> &'static str) -> &'static str {
    match outcome {
        Ok(Once::Done(outcome)) => of_outcome(outcome),
        Ok(Once::Replayed(_)) => "replayed",
        Ok(Once::KeyReused) => "key_reused",
        Ok(Once::InProgress) => "in_progress",
        Err(_) => "error",
    }
}

fn hold_label(outcome: &HoldOutcome) -> &'static str {
    match outcome {
        HoldOutcome::Held(_) => "held",
        HoldOutcome::SeatsTaken(_) => "seats_taken",
        _ => "refused",
    }
}

fn reserve_label(outcome: &ReserveOutcome) -> &'static str {
    match outcome {
        ReserveOutcome::Reserved(_) => "reserved",
        ReserveOutcome::HoldExpired => "hold_expired",
        _ => "refused",
    }
}

fn payment_label(outcome: &PaymentOutcome) -> &'static str {
    match outcome {
        PaymentOutcome::Completed(_) => "completed",
        PaymentOutcome::Insufficient { .. } => "insufficient",
        PaymentOutcome::Expired => "expired",
        _ => "refused",
    }
}
