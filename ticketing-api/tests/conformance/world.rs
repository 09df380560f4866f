//! A fresh database with a clock that stands still, and the people who use it.

use std::{sync::Arc, time::Duration};

use contract::{
    clock::{Clock, ManualClock},
    ids::{ActiveTokenId, MemberId, QueueName},
};
use jiff::Timestamp;
use sqlx::{PgPool, SqlitePool, postgres::PgPoolOptions};
use tempfile::TempDir;
use testkit::Postgres;
use ticketing_api::{
    booking::{
        concert::{ConcertId, NewConcert, NewPerformance, Performance, PerformanceId},
        hold::{Hold, HoldId, HoldOutcome, NewHold},
        leaving::{GivenBack, LeaveRefusal, NewLeave},
        member::{NewMember, Role, SignUpOutcome},
        money::{Currency, Money},
        payment::{NewPayment, PaymentId, PaymentOutcome},
        reservation::{NewReservation, Reservation, ReservationId, ReserveOutcome},
        seat::{SeatBlock, SeatNumber, SeatPlan, SeatSelection, SeatState},
        wallet::{ChargeOutcome, NewCharge, TransferId},
    },
    store::{self, GrantedClaim, IdempotencyKey, Once, StoreSettings, TicketStore, TokenClaim},
};
use uuid::Uuid;

use crate::audit::Auditor;

/// What every seat costs in a [`World::sale`].
pub(crate) const PRICE: i64 = 750;

/// How long a hold lasts.
pub(crate) const HOLD: Duration = Duration::from_mins(5);

/// How long an active token lives.
pub(crate) const TURN: Duration = Duration::from_mins(10);

/// How long after it was told a claim is told again.
pub(crate) const REPEAT_AFTER: Duration = Duration::from_mins(1);

/// The last instant at which a hold lives, from its beginning.
pub(crate) const ALMOST: Duration = Duration::from_micros(5 * 60 * 1_000_000 - 1);

/// A store with the clock that its callers read.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) store: Arc<dyn TicketStore>,
    pub(crate) clock: ManualClock,
    pub(crate) auditor: Auditor,
    _folder: Option<TempDir>,
}

/// A member who has been admitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buyer {
    pub(crate) member: MemberId,
    pub(crate) token: ActiveTokenId,
}

pub(crate) fn settings(url: &str) -> StoreSettings {
    StoreSettings { url: url.into(), max_connections: 12, acquire_timeout_ms: 10_000, statement_timeout_ms: 10_000 }
}

pub(crate) fn queue() -> QueueName {
    "demo".parse().unwrap()
}

pub(crate) fn won(amount: i64) -> Money {
    Money::new(amount, Currency::KRW)
}

pub(crate) fn numbers(seats: &[u32]) -> Vec<SeatNumber> {
    seats.iter().copied().map(SeatNumber).collect()
}

/// What was carried out now, and not replayed or refused.
pub(crate) fn done<T: std::fmt::Debug>(once: Once<T>) -> T {
    match once {
        Once::Done(outcome) => outcome,
        other => panic!("carried out: {other:?}"),
    }
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ticketing.db").display());
        let store = store::connect(&settings(&url)).await.unwrap();
        let auditor = Auditor::Sqlite(SqlitePool::connect(&url).await.unwrap());
        Self { store, clock: clock(), auditor, _folder: Some(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        Self::on(&Postgres::shared().await.url()).await
    }

    /// On an empty database of a PostgreSQL server.
    pub(crate) async fn on(url: &str) -> Self {
        let store = store::connect(&settings(url)).await.unwrap();
        let auditor = Auditor::Postgres(auditing(url).await);
        Self { store, clock: clock(), auditor, _folder: None }
    }

    pub(crate) async fn audit(&self) {
        self.auditor.check().await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn new_member(&self, nickname: &str) -> NewMember {
        NewMember {
            id: MemberId::generate(&self.clock),
            email: format!("{nickname}@example.org"),
            nickname: nickname.to_owned(),
            password_hash: "$argon2id$".to_owned(),
            role: Role::Member,
            currency: Currency::KRW,
            now: self.now(),
        }
    }

    /// A member with an active token and so much in the wallet.
    pub(crate) async fn buyer(&self, balance: i64) -> Buyer {
        let name = MemberId::generate(&self.clock).0.simple().to_string();
        let SignUpOutcome::Created(member) = self.store.create_member(self.new_member(&name)).await.unwrap() else {
            panic!("a new name is free");
        };
        let buyer = Buyer { member: member.id, token: ActiveTokenId::generate(&self.clock) };
        if balance > 0 {
            self.charge(buyer, balance).await;
        }
        buyer
    }

    /// The gateway has granted a claim of a token that lives until then. Here the signed token is the id in text.
    pub(crate) async fn record_claim(&self, buyer: Buyer, expires_at: Timestamp) -> TokenClaim {
        let claim = TokenClaim { token: buyer.token, queue: queue(), holder: buyer.member, expires_at };
        let active_token = buyer.token.to_string().into();
        let granted = GrantedClaim { claim: claim.clone(), active_token, repeat_at: self.now() + REPEAT_AFTER };
        self.store.record_claim(granted).await.unwrap();
        claim
    }

    pub(crate) fn new_concert(&self, seats: u32) -> NewConcert {
        let hour = Duration::from_hours(1);
        let block = |first, last, grade: &str| SeatBlock {
            first: SeatNumber(first),
            last: SeatNumber(last),
            grade: grade.to_owned(),
            section: "A".to_owned(),
            price: won(PRICE),
        };
        let plan = if seats > 1 { vec![block(1, 1, "VIP"), block(2, seats, "R")] } else { vec![block(1, 1, "VIP")] };
        NewConcert {
            id: ConcertId::generate(&self.clock),
            title: "First night".to_owned(),
            place: "Town hall".to_owned(),
            category: "rock".to_owned(),
            queue: queue(),
            performances: vec![NewPerformance {
                id: PerformanceId::generate(&self.clock),
                starts_at: self.now() + 48 * hour,
                sale_opens_at: self.now(),
                sale_closes_at: self.now() + 24 * hour,
                seats: SeatPlan(plan),
            }],
            now: self.now(),
        }
    }

    /// A performance on sale, with seats 1 to `seats`.
    pub(crate) async fn sale(&self, seats: u32) -> Performance {
        let concert = self.store.create_concert(self.new_concert(seats)).await.unwrap();
        concert.performances.into_iter().next().unwrap()
    }

    pub(crate) fn key(&self, buyer: Buyer) -> IdempotencyKey {
        let key = contract::ids::uuid_at(self.now()).to_string();
        IdempotencyKey { member: buyer.member, key, fingerprint: [7; 32] }
    }

    pub(crate) fn new_hold(&self, buyer: Buyer, performance: PerformanceId, seats: &[u32]) -> NewHold {
        NewHold {
            id: HoldId::generate(&self.clock),
            performance,
            member: buyer.member,
            token: buyer.token,
            queue: queue(),
            seats: SeatSelection::try_from(numbers(seats)).unwrap(),
            expires_at: self.now() + HOLD,
            now: self.now(),
            max_seats_per_member: 4,
        }
    }

    pub(crate) async fn try_hold(&self, buyer: Buyer, performance: PerformanceId, seats: &[u32]) -> HoldOutcome {
        done(self.store.hold(self.new_hold(buyer, performance, seats), None).await.unwrap())
    }

    pub(crate) async fn hold(&self, buyer: Buyer, performance: PerformanceId, seats: &[u32]) -> Hold {
        match self.try_hold(buyer, performance, seats).await {
            HoldOutcome::Held(hold) => hold,
            refusal => panic!("held: {refusal:?}"),
        }
    }

    pub(crate) fn new_reservation(&self, buyer: Buyer, hold: HoldId) -> NewReservation {
        NewReservation {
            id: ReservationId::generate(&self.clock),
            hold,
            member: buyer.member,
            token: buyer.token,
            queue: queue(),
            now: self.now(),
        }
    }

    pub(crate) async fn try_reserve(&self, buyer: Buyer, hold: HoldId) -> ReserveOutcome {
        done(self.store.reserve(self.new_reservation(buyer, hold), None).await.unwrap())
    }

    /// Seats held and reserved.
    pub(crate) async fn reserve(&self, buyer: Buyer, performance: PerformanceId, seats: &[u32]) -> Reservation {
        let hold = self.hold(buyer, performance, seats).await;
        match self.try_reserve(buyer, hold.id).await {
            ReserveOutcome::Reserved(reservation) => reservation,
            refusal => panic!("reserved: {refusal:?}"),
        }
    }

    pub(crate) fn new_payment(&self, buyer: Buyer, reservation: ReservationId) -> NewPayment {
        NewPayment {
            id: PaymentId::generate(&self.clock),
            reservation,
            member: buyer.member,
            token: buyer.token,
            queue: queue(),
            now: self.now(),
        }
    }

    pub(crate) async fn pay(&self, buyer: Buyer, reservation: ReservationId) -> PaymentOutcome {
        let payment = self.new_payment(buyer, reservation);
        done(self.store.pay(payment, &self.key(buyer)).await.unwrap())
    }

    pub(crate) fn new_leave(&self, buyer: Buyer) -> NewLeave {
        let (token, member, now) = (buyer.token, Some(buyer.member), self.now());
        NewLeave { token, queue: queue(), member, expires_at: now + TURN, now }
    }

    pub(crate) async fn leave(&self, buyer: Buyer) -> Result<GivenBack, LeaveRefusal> {
        self.store.leave(self.new_leave(buyer)).await.unwrap()
    }

    pub(crate) fn new_charge(&self, buyer: Buyer, amount: i64) -> NewCharge {
        let id = TransferId::generate(&self.clock);
        NewCharge { id, member: buyer.member, amount: won(amount), now: self.now() }
    }

    pub(crate) async fn charge(&self, buyer: Buyer, amount: i64) -> ChargeOutcome {
        done(self.store.charge(self.new_charge(buyer, amount), &self.key(buyer)).await.unwrap())
    }

    pub(crate) async fn balance(&self, buyer: Buyer) -> i64 {
        self.store.wallet(buyer.member).await.unwrap().unwrap().balance.amount
    }

    /// The numbers of the seats in a state, now.
    pub(crate) async fn seats(&self, performance: PerformanceId, state: SeatState) -> Vec<u32> {
        let seats = self.store.seats(performance, self.now()).await.unwrap().unwrap();
        seats.iter().filter(|seat| seat.state == state).map(|seat| seat.number.0).collect()
    }
}

/// An id that nothing has.
pub(crate) fn nobody() -> Uuid {
    Uuid::from_u128(0xdead)
}

fn clock() -> ManualClock {
    ManualClock::at_second(1_800_000_000)
}

async fn auditing(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(2).connect(url).await.unwrap()
}
