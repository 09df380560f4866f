//! The contract.

use std::{sync::Arc, time::Duration};

use contract::clock::SystemClock;
use service::redis::RedisSettings;
use testkit::eventually;
use ticketing_api::{
    booking::{concert::PerformanceId, hold::HoldId, seat::SeatNumber},
    fast_store::{FastStore, Mark, embedded::EmbeddedFastStore, redis::RedisFastStore},
};
use tokio::task::JoinSet;

const MINUTE: Duration = Duration::from_mins(1);

pub(crate) fn embedded() -> Arc<dyn FastStore> {
    Arc::new(EmbeddedFastStore::new(Arc::new(SystemClock), EmbeddedFastStore::DEFAULT_CAPACITY))
}

pub(crate) async fn redis(url: &str) -> Arc<RedisFastStore> {
    let store = RedisFastStore::connect(&settings(url)).unwrap();
    eventually("Redis is connected", async || store.ping().await.is_ok()).await;
    Arc::new(store)
}

/// As `config/ticketing-api.toml` has them.
pub(crate) fn settings(url: &str) -> RedisSettings {
    RedisSettings { pool_size: 1, command_timeout: Duration::from_millis(250), ..RedisSettings::at(url) }
}

pub(crate) fn performance() -> PerformanceId {
    PerformanceId::generate(&SystemClock)
}

pub(crate) fn hold() -> HoldId {
    HoldId::generate(&SystemClock)
}

pub(crate) fn seats(numbers: &[u32]) -> Vec<SeatNumber> {
    numbers.iter().copied().map(SeatNumber).collect()
}

/// Every promise as a test of each engine. Performances are new, so that the tests can share one Redis.
macro_rules! promises {
    ($($promise:ident)+) => {
        mod on_the_embedded_store {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::embedded()).await;
            })+
        }

        mod on_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let server = testkit::Redis::start().await;
                super::$promise(super::redis(&server.url()).await).await;
            })+
        }
    };
}

promises! {
    seats_are_marked_all_or_none
    marking_again_for_the_same_hold_is_harmless
    performances_do_not_meet
    marks_expire_by_themselves
    unmarking_frees_the_seats
    unmarking_anothers_seats_changes_nothing
    of_many_at_once_exactly_one_wins_a_seat
    overlapping_selections_never_share_a_seat
}

async fn seats_are_marked_all_or_none(store: Arc<dyn FastStore>) {
    let performance = performance();
    assert_eq!(store.mark(performance, &seats(&[4]), hold(), MINUTE).await.unwrap(), Mark::Marked);
    let refused = store.mark(performance, &seats(&[1, 2, 4]), hold(), MINUTE).await.unwrap();
    assert_eq!(refused, Mark::Taken(seats(&[4])));
    assert_eq!(store.mark(performance, &seats(&[1, 2]), hold(), MINUTE).await.unwrap(), Mark::Marked);
}

async fn marking_again_for_the_same_hold_is_harmless(store: Arc<dyn FastStore>) {
    let (performance, hold) = (performance(), hold());
    for _ in 0..2 {
        assert_eq!(store.mark(performance, &seats(&[1, 2]), hold, MINUTE).await.unwrap(), Mark::Marked);
    }
}

async fn performances_do_not_meet(store: Arc<dyn FastStore>) {
    for _ in 0..2 {
        assert_eq!(store.mark(performance(), &seats(&[1]), hold(), MINUTE).await.unwrap(), Mark::Marked);
    }
}

async fn marks_expire_by_themselves(store: Arc<dyn FastStore>) {
    let performance = performance();
    store.mark(performance, &seats(&[1]), hold(), Duration::from_millis(100)).await.unwrap();
    assert_eq!(store.mark(performance, &seats(&[1]), hold(), MINUTE).await.unwrap(), Mark::Taken(seats(&[1])));
    eventually("the mark has expired", async || {
        store.mark(performance, &seats(&[1]), hold(), MINUTE).await.unwrap() == Mark::Marked
    })
    .await;
}

async fn unmarking_frees_the_seats(store: Arc<dyn FastStore>) {
    let (performance, first) = (performance(), hold());
    store.mark(performance, &seats(&[1, 2]), first, MINUTE).await.unwrap();
    store.unmark(performance, &seats(&[1, 2]), first).await.unwrap();
    store.unmark(performance, &seats(&[1, 2]), first).await.unwrap();
    assert_eq!(store.mark(performance, &seats(&[1, 2]), hold(), MINUTE).await.unwrap(), Mark::Marked);
}

async fn unmarking_anothers_seats_changes_nothing(store: Arc<dyn FastStore>) {
    let (performance, owner) = (performance(), hold());
    store.mark(performance, &seats(&[1]), owner, MINUTE).await.unwrap();
    store.unmark(performance, &seats(&[1, 2]), hold()).await.unwrap();
    assert_eq!(store.mark(performance, &seats(&[1]), hold(), MINUTE).await.unwrap(), Mark::Taken(seats(&[1])));
}

async fn of_many_at_once_exactly_one_wins_a_seat(store: Arc<dyn FastStore>) {
    let performance = performance();
    let mut attempts = JoinSet::new();
    for _ in 0..100 {
        let store = Arc::clone(&store);
        attempts.spawn(async move { store.mark(performance, &seats(&[7]), hold(), MINUTE).await.unwrap() });
    }
    let outcomes = attempts.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Mark::Marked).count(), 1);
}

async fn overlapping_selections_never_share_a_seat(store: Arc<dyn FastStore>) {
    let performance = performance();
    let mut attempts = JoinSet::new();
    for start in 1..=40 {
        let store = Arc::clone(&store);
        attempts.spawn(async move {
            let wanted = seats(&[start, start + 1, start + 2]);
            let mark = store.mark(performance, &wanted, hold(), MINUTE).await.unwrap();
            if mark == Mark::Marked { wanted } else { vec![] }
        });
    }
    let mut won: Vec<_> = attempts.join_all().await.concat();
    assert!(!won.is_empty());
    won.sort_unstable();
    let count = won.len();
    won.dedup();
    assert_eq!(won.len(), count, "two holds have one seat");
}
