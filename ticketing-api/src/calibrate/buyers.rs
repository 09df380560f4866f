//! The people of the trial: each buys one seat, and then another as somebody else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use contract::{
    clock::{Clock, SystemClock},
    ids::{ActiveTokenId, MemberId, QueueName},
};
use parking_lot::RwLock;
use uuid::Uuid;

use super::scratch::{SCHEMA, Scratch};
use crate::{
    booking::{
        concert::{ConcertId, NewConcert, NewPerformance, PerformanceId},
        hold::{HoldId, HoldOutcome, NewHold},
        money::{Currency, Money},
        payment::{NewPayment, PaymentId, PaymentOutcome},
        reservation::{NewReservation, ReservationId, ReserveOutcome},
        seat::{SeatBlock, SeatNumber, SeatPlan, SeatSelection},
    },
    store::{self, IdempotencyKey, Once, StoreError, StoreSettings, TicketStore},
};

/// A hall as large as they come; another is opened when its seats run out.
const SEATS: u64 = 50_000;
/// Enough that nobody's wallet is where the others wait.
const MEMBERS: i64 = 10_000;
/// One hold in so many first asks for a seat that is gone.
const LATECOMERS: u64 = 10;

/// Members with money, halls with seats, and the store under test.
#[derive(Debug)]
pub(super) struct Buyers {
    store: Arc<dyn TicketStore>,
    queue: QueueName,
    members: Vec<MemberId>,
    halls: RwLock<Vec<PerformanceId>>,
    next: AtomicU64,
}

/// One purchase to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    member: MemberId,
    token: ActiveTokenId,
    hall: PerformanceId,
    seat: SeatNumber,
    /// A seat that is sold, for whoever asks too late first.
    gone: Option<SeatNumber>,
}

/// A step of the purchase was refused where it should not be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store said no.
    #[error("refused: {0}")]
    Refused(String),
}

impl Buyers {
    /// Makes the tables and the members in the scratch schema.
    pub(super) async fn prepare(settings: &StoreSettings, scratch: &mut Scratch) -> anyhow::Result<Self> {
        let store = store::connect_in_schema(settings, SCHEMA).await.context("the scratch tables cannot be made")?;
        let connection = scratch.connection();
        let ids: Vec<Uuid> = sqlx::query_scalar(
            "INSERT INTO ticketing_calibration.accounts (id, currency, balance, version)
             SELECT gen_random_uuid(), 'KRW', 1000000000, 0 FROM generate_series(1, $1) RETURNING id",
        )
        .bind(MEMBERS)
        .fetch_all(connection)
        .await
        .context("the scratch wallets cannot be filled")?;
        let members = ids.into_iter().map(MemberId).collect();
        let queue = QueueName::try_from("calibration".to_owned())?;
        Ok(Self { store, queue, members, halls: RwLock::default(), next: AtomicU64::new(0) })
    }

    /// Opens halls until there are so many seats to sell.
    pub(super) async fn provide(&self, seats: u64) -> anyhow::Result<()> {
        let needed = (self.next.load(Ordering::Relaxed) + seats).div_ceil(SEATS);
        while (self.halls.read().len() as u64) < needed {
            let hall = self.store.create_concert(hall(&self.queue)).await.context("a hall cannot be opened")?;
            self.halls.write().extend(hall.performances.iter().map(|performance| performance.id));
        }
        Ok(())
    }

    /// The next purchase; nothing when all seats are sold.
    pub(super) fn errand(&self) -> Option<Errand> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (hall, seat) = (usize::try_from(number / SEATS).ok()?, u32::try_from(number % SEATS).ok()?);
        let hall = *self.halls.read().get(hall)?;
        let member = self.members[usize::try_from(number).ok()? % self.members.len()];
        // The first seat of a hall is sold by the time that the hundredth is asked for.
        let gone = (number.is_multiple_of(LATECOMERS) && seat > 100).then_some(SeatNumber(1));
        Some(Errand { member, token: ActiveTokenId::generate(&SystemClock), hall, seat: SeatNumber(seat + 1), gone })
    }

    /// Asks for the seat that is gone, if this is a latecomer's errand.
    pub(super) async fn come_too_late(&self, errand: &Errand) -> Result<(), Failure> {
        let Some(gone) = errand.gone else { return Ok(()) };
        match self.store.hold(self.new_hold(errand, gone)?, Some(&key(errand))).await? {
            Once::Done(HoldOutcome::SeatsTaken(_)) => Ok(()),
            other => Err(refused(&other)),
        }
    }

    /// Holds the seat.
    pub(super) async fn hold(&self, errand: &Errand) -> Result<HoldId, Failure> {
        match self.store.hold(self.new_hold(errand, errand.seat)?, Some(&key(errand))).await? {
            Once::Done(HoldOutcome::Held(hold)) => Ok(hold.id),
            other => Err(refused(&other)),
        }
    }

    /// Reserves what is held.
    pub(super) async fn reserve(&self, errand: &Errand, hold: HoldId) -> Result<ReservationId, Failure> {
        let new = NewReservation {
            id: ReservationId::generate(&SystemClock),
            hold,
            member: errand.member,
            token: errand.token,
            queue: self.queue.clone(),
            now: SystemClock.now(),
        };
        match self.store.reserve(new, Some(&key(errand))).await? {
            Once::Done(ReserveOutcome::Reserved(reservation)) => Ok(reservation.id),
            other => Err(refused(&other)),
        }
    }

    /// Pays what is reserved.
    pub(super) async fn pay(&self, errand: &Errand, reservation: ReservationId) -> Result<(), Failure> {
        let new = NewPayment {
            id: PaymentId::generate(&SystemClock),
            reservation,
            member: errand.member,
            token: errand.token,
            queue: self.queue.clone(),
            now: SystemClock.now(),
        };
        match self.store.pay(new, &key(errand)).await? {
            Once::Done(PaymentOutcome::Completed(_)) => Ok(()),
            other => Err(refused(&other)),
        }
    }

    fn new_hold(&self, errand: &Errand, seat: SeatNumber) -> Result<NewHold, Failure> {
        let now = SystemClock.now();
        Ok(NewHold {
            id: HoldId::generate(&SystemClock),
            performance: errand.hall,
            member: errand.member,
            token: errand.token,
            queue: self.queue.clone(),
            seats: SeatSelection::try_from(vec![seat]).map_err(|error| Failure::Refused(error.to_string()))?,
            expires_at: now + Duration::from_mins(5),
            now,
            // A member comes back every 10,000 seats.
            max_seats_per_member: 100,
        })
    }
}

/// Every call has a key, as customers' calls have.
fn key(errand: &Errand) -> IdempotencyKey {
    let key = contract::ids::uuid_at(SystemClock.now()).to_string();
    IdempotencyKey { member: errand.member, key, fingerprint: [0; 32] }
}

fn refused(outcome: &impl std::fmt::Debug) -> Failure {
    Failure::Refused(format!("{outcome:?}"))
}

fn hall(queue: &QueueName) -> NewConcert {
    let now = SystemClock.now();
    let day = Duration::from_hours(24);
    let seats = SeatBlock {
        first: SeatNumber(1),
        last: SeatNumber(u32::try_from(SEATS).unwrap_or(u32::MAX)),
        grade: "R".to_owned(),
        section: "A".to_owned(),
        price: Money::new(100, Currency::KRW),
    };
    NewConcert {
        id: ConcertId::generate(&SystemClock),
        title: "Calibration".to_owned(),
        place: "Scratch".to_owned(),
        category: "calibration".to_owned(),
        queue: queue.clone(),
        performances: vec![NewPerformance {
            id: PerformanceId::generate(&SystemClock),
            starts_at: now + 2 * day,
            sale_opens_at: now - day,
            sale_closes_at: now + day,
            seats: SeatPlan(vec![seats]),
        }],
        now,
    }
}
