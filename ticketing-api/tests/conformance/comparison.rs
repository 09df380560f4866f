//! The same random operations on SQLite and PostgreSQL at the same instants: every reply is the same.

use std::time::Duration;

use contract::ids::ActiveTokenId;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use ticketing_api::{
    booking::{
        concert::PerformanceId,
        hold::{HoldId, HoldOutcome},
        reservation::{ReservationId, ReserveOutcome},
    },
    store::{IdempotencyKey, Once, OutboxMessage, PageRequest},
};

use crate::world::{Buyer, World};

const SEQUENCES: u32 = 6;
const OPERATIONS: usize = 150;
const BUYERS: usize = 3;
const SEATS: u32 = 8;

/// What the sequences together must have come to, several times each.
const WORTH_MEETING: [&str; 5] = [
    "SELECT count(*) FROM payments WHERE state = 'completed'",
    "SELECT count(*) FROM payments WHERE state = 'failed'",
    "SELECT count(*) FROM reservations WHERE state = 'expired'",
    "SELECT count(*) FROM holds WHERE state = 'expired'",
    "SELECT count(*) FROM reservations WHERE state = 'cancelled'",
];

/// One call; the numbers choose among what the sequence has made so far. A `buyer` of none is the one who made it, and
/// a `key` of none a fresh one.
#[derive(Clone, Debug)]
enum Operation {
    Hold { buyer: usize, seats: Vec<u32>, key: Option<usize> },
    Release { buyer: Option<usize>, hold: usize },
    Reserve { buyer: Option<usize>, hold: usize, key: Option<usize> },
    Pay { buyer: Option<usize>, reservation: usize, key: Option<usize> },
    Charge { buyer: usize, amount: i64, key: Option<usize> },
    Readmit { buyer: usize },
    Leave { buyer: usize },
    Advance { seconds: u64 },
    Sweep { limit: u32 },
    Send { limit: u32 },
    Forget { limit: u32 },
    Block,
}

fn operation() -> impl Strategy<Value = Operation> {
    let buyer = || 0..BUYERS;
    let somebody = || prop::option::weighted(0.15, 0..BUYERS);
    let chosen = || 0..usize::MAX;
    let key = || prop::option::weighted(0.2, 0..6_usize);
    let seats = prop::collection::btree_set(1..=SEATS + 1, 1..5).prop_map(|seats| seats.into_iter().collect());
    prop_oneof![
        8 => (buyer(), seats, key()).prop_map(|(buyer, seats, key)| Operation::Hold { buyer, seats, key }),
        1 => (somebody(), chosen()).prop_map(|(buyer, hold)| Operation::Release { buyer, hold }),
        6 => (somebody(), chosen(), key()).prop_map(|(buyer, hold, key)| Operation::Reserve { buyer, hold, key }),
        6 => (somebody(), chosen(), key())
            .prop_map(|(buyer, reservation, key)| Operation::Pay { buyer, reservation, key }),
        3 => (buyer(), -100..2_000_i64, key()).prop_map(|(buyer, amount, key)| Operation::Charge { buyer, amount, key }),
        2 => buyer().prop_map(|buyer| Operation::Readmit { buyer }),
        1 => buyer().prop_map(|buyer| Operation::Leave { buyer }),
        3 => prop_oneof![Just(1), Just(100), Just(300)].prop_map(|seconds| Operation::Advance { seconds }),
        1 => (1..4_u32).prop_map(|limit| Operation::Sweep { limit }),
        1 => (1..4_u32).prop_map(|limit| Operation::Send { limit }),
        1 => (1..4_u32).prop_map(|limit| Operation::Forget { limit }),
        1 => Just(Operation::Block),
    ]
}

/// Both stores, and what a sequence has made.
struct Pair {
    sqlite: World,
    postgres: World,
    performance: PerformanceId,
    buyers: Vec<Buyer>,
    holds: Vec<(HoldId, usize)>,
    reservations: Vec<(ReservationId, usize)>,
}

/// The reply of both, which must be one.
macro_rules! same {
    ($pair:expr, $store:ident => $call:expr) => {{
        let left = {
            let $store = &$pair.sqlite.store;
            $call.await
        };
        let right = {
            let $store = &$pair.postgres.store;
            $call.await
        };
        assert_eq!(format!("{left:?}"), format!("{right:?}"));
        left.unwrap()
    }};
}

impl Pair {
    async fn new() -> Self {
        let (sqlite, postgres) = (World::sqlite().await, World::postgres().await);
        let mut pair = Self {
            sqlite,
            postgres,
            performance: PerformanceId(crate::world::nobody()),
            buyers: vec![],
            holds: vec![],
            reservations: vec![],
        };
        let concert = pair.sqlite.new_concert(SEATS);
        pair.performance = concert.performances[0].id;
        same!(pair, store => store.create_concert(concert.clone()));
        for name in ["ann", "bob", "eve"] {
            let member = pair.sqlite.new_member(name);
            same!(pair, store => store.create_member(member.clone()));
            pair.buyers.push(Buyer { member: member.id, token: ActiveTokenId::generate(&pair.sqlite.clock) });
        }
        pair
    }

    async fn apply(&mut self, operation: Operation) {
        let world = &self.sqlite;
        let key = |buyer: Buyer, number: Option<usize>, fingerprint: usize| {
            let key = number.map_or_else(|| world.key(buyer).key, |number| format!("key-{number}"));
            let fingerprint = [u8::try_from(fingerprint).unwrap(); 32];
            IdempotencyKey { member: buyer.member, key, fingerprint }
        };
        match operation {
            Operation::Hold { buyer, seats, key: number } => {
                let new = world.new_hold(self.buyers[buyer], self.performance, &seats);
                let key = key(self.buyers[buyer], number, seats.len());
                if let Once::Done(HoldOutcome::Held(hold)) = same!(self, store => store.hold(new.clone(), Some(&key))) {
                    self.holds.push((hold.id, buyer));
                }
            }
            Operation::Release { buyer, hold } => {
                let Some((hold, owner)) = chosen(&self.holds, hold) else { return };
                let (member, now) = (self.buyers[buyer.unwrap_or(owner)].member, world.now());
                same!(self, store => store.release_hold(hold, member, now));
            }
            Operation::Reserve { buyer, hold, key: number } => {
                let Some((hold, owner)) = chosen(&self.holds, hold) else { return };
                let buyer = self.buyers[buyer.unwrap_or(owner)];
                let (new, key) = (world.new_reservation(buyer, hold), key(buyer, number, 11));
                let outcome = same!(self, store => store.reserve(new.clone(), Some(&key)));
                if let Once::Done(ReserveOutcome::Reserved(reservation)) = outcome {
                    self.reservations.push((reservation.id, owner));
                }
            }
            Operation::Pay { buyer, reservation, key: number } => {
                let Some((reservation, owner)) = chosen(&self.reservations, reservation) else { return };
                let buyer = self.buyers[buyer.unwrap_or(owner)];
                let (new, key) = (world.new_payment(buyer, reservation), key(buyer, number, 12));
                same!(self, store => store.pay(new.clone(), &key));
            }
            Operation::Charge { buyer, amount, key: number } => {
                let buyer = self.buyers[buyer];
                let (new, key) = (world.new_charge(buyer, amount), key(buyer, number, 13));
                same!(self, store => store.charge(new.clone(), &key));
            }
            Operation::Readmit { buyer } => self.buyers[buyer].token = ActiveTokenId::generate(&world.clock),
            Operation::Leave { buyer } => {
                let leave = world.new_leave(self.buyers[buyer]);
                same!(self, store => store.leave(leave.clone())).unwrap();
            }
            Operation::Advance { seconds } => world.clock.advance(Duration::from_secs(seconds)),
            Operation::Sweep { limit } => {
                let now = world.now();
                same!(self, store => store.sweep(now, limit));
            }
            Operation::Send { limit } => self.send(limit).await,
            Operation::Forget { limit } => {
                let now = world.now();
                same!(self, store => store.forget(now, limit));
            }
            Operation::Block => {
                let block = "UPDATE seats SET blocked = TRUE WHERE number = 8 AND NOT EXISTS
                     (SELECT 1 FROM seat_claims k WHERE k.performance = seats.performance AND k.seat = 8)";
                self.sqlite.auditor.execute(block).await;
                self.postgres.auditor.execute(block).await;
            }
        }
    }

    /// Messages have ids of their own in each database; the rest is the same.
    async fn send(&self, limit: u32) {
        let now = self.sqlite.now();
        let lease_until = now + Duration::from_secs(30);
        let left = self.sqlite.store.due_messages(now, lease_until, limit).await.unwrap();
        let right = self.postgres.store.due_messages(now, lease_until, limit).await.unwrap();
        let told = |messages: &[OutboxMessage]| -> Vec<_> {
            messages.iter().map(|message| (message.event.clone(), message.attempts)).collect()
        };
        assert_eq!(told(&left), told(&right));
        for (left, right) in left.iter().zip(&right) {
            self.sqlite.store.message_delivered(left.id, now).await.unwrap();
            self.postgres.store.message_delivered(right.id, now).await.unwrap();
        }
    }

    /// Everything that can be read.
    async fn compare(&self) {
        let (now, page) = (self.sqlite.now(), PageRequest { page: 0, size: 5 });
        same!(self, store => store.seats(self.performance, now));
        for buyer in &self.buyers {
            same!(self, store => store.wallet(buyer.member));
            same!(self, store => store.reservations(buyer.member, page, now));
            same!(self, store => store.payments(buyer.member, page));
            same!(self, store => store.ledger_entries(buyer.member, page));
            same!(self, store => store.token_state(buyer.token));
        }
    }
}

/// One of the last few: older ones are long over.
fn chosen<T: Copy>(made: &[T], number: usize) -> Option<T> {
    let recent = &made[made.len().saturating_sub(4)..];
    recent.get(number.checked_rem(recent.len())?).copied()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_give_the_same_replies() {
    let mut met = [0; 5];
    for sequence in 0..SEQUENCES {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&sequence.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        let operations = prop::collection::vec(operation(), OPERATIONS).new_tree(&mut runner).unwrap().current();
        let mut pair = Pair::new().await;
        for (number, operation) in operations.into_iter().enumerate() {
            pair.apply(operation).await;
            if number % 5 == 4 {
                pair.compare().await;
            }
        }
        pair.sqlite.audit().await;
        pair.postgres.audit().await;
        for (met, query) in met.iter_mut().zip(WORTH_MEETING) {
            *met += pair.postgres.auditor.count(query).await;
        }
    }
    assert!(met.iter().all(|times| *times >= 3), "sequences that meet too little prove too little: {met:?}");
}
