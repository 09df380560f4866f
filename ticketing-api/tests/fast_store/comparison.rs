//! The same random operations on both stores: every reply must be the same.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::index::sample};
use ticketing_api::fast_store::FastStore;

use crate::promises::{embedded, hold, performance, redis, seats};

/// Longer than the test: no mark runs out, by either store's time.
const TTL: Duration = Duration::from_hours(1);

#[tokio::test]
async fn both_stores_answer_alike() {
    for seed in 0..4 {
        let server = testkit::Redis::start().await;
        let (ours, theirs) = (embedded(), redis(&server.url()).await);
        let mut random = StdRng::seed_from_u64(seed);
        let performances = [performance(), performance()];
        let holds: Vec<_> = std::iter::repeat_with(hold).take(5).collect();
        for step in 0..500 {
            let performance = performances[random.random_range(0..performances.len())];
            let hold = holds[random.random_range(0..holds.len())];
            let wanted = random.random_range(1..=3);
            let wanted: Vec<u32> =
                sample(&mut random, 8, wanted).iter().map(|seat| u32::try_from(seat).unwrap() + 1).collect();
            let wanted = seats(&wanted);
            let at = format!("seed {seed}, step {step}: {hold} {wanted:?}");
            if random.random_bool(0.6) {
                let reply = ours.mark(performance, &wanted, hold, TTL).await.unwrap();
                assert_eq!(reply, theirs.mark(performance, &wanted, hold, TTL).await.unwrap(), "marking, {at}");
            } else {
                ours.unmark(performance, &wanted, hold).await.unwrap();
                theirs.unmark(performance, &wanted, hold).await.unwrap();
            }
        }
    }
}
