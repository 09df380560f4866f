//! Sales in which anything happens, of which a store has lost any end.

use std::{collections::BTreeMap, time::Duration};

use contract::ids::VisitorId;
use queue_gateway::line::{Baseline, Lost, Standing};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    comparison::seeds,
    fixture::Fixture,
    rejoining::{SECOND, inviting},
    setting_back::SetBack,
};

/// What happens in a sale, at random.
#[derive(Clone, Copy, Debug)]
enum Event {
    Joins,
    Leaves,
    /// So many of those who wait are there, and there are so many slots.
    Admits(usize, usize),
    Pauses(bool),
    Passes(u64),
}

struct Sale {
    rng: StdRng,
    everybody: Vec<VisitorId>,
}

impl Sale {
    fn next(&mut self, most_seconds: u64) -> Event {
        match self.rng.random_range(0..10) {
            0..=3 => Event::Joins,
            4 => Event::Leaves,
            5..=7 => Event::Admits(self.rng.random_range(1..5), self.rng.random_range(0..4)),
            8 => Event::Pauses(self.rng.random()),
            _ => Event::Passes(self.rng.random_range(1..=most_seconds)),
        }
    }

    /// Does the same to each of these queues, which have had the same done to them before.
    async fn happens(&mut self, event: Event, queues: &[&Fixture]) {
        let first = queues[0];
        match event {
            Event::Joins => {
                let visitor = first.visitor();
                self.everybody.push(visitor);
                for f in queues {
                    f.join(visitor).await;
                }
            }
            Event::Leaves if !self.everybody.is_empty() => {
                let visitor = self.everybody[self.rng.random_range(0..self.everybody.len())];
                for f in queues {
                    f.leave(visitor).await;
                }
            }
            Event::Admits(present, slots) => {
                // Before anybody is asked: a place may be over after a second.
                first.advance(SECOND);
                let mut there = Vec::new();
                for _ in 0..present * usize::from(!self.everybody.is_empty()) {
                    let visitor = self.everybody[self.rng.random_range(0..self.everybody.len())];
                    if matches!(first.status(visitor).await, Standing::Waiting { .. }) {
                        there.push(visitor);
                    }
                }
                let tokens = first.tokens(slots);
                for f in queues {
                    let mut gateway = f.gateway_with(&there).await;
                    gateway.step_with(tokens.clone()).await;
                    gateway.end().await;
                }
            }
            Event::Pauses(paused) => {
                for f in queues {
                    f.pause(paused).await;
                }
            }
            Event::Passes(seconds) => {
                first.advance(Duration::from_secs(seconds));
                for f in queues {
                    f.sweep().await;
                }
            }
            Event::Leaves => {}
        }
    }
}

/// Whatever has happened in it, and however much of that the store has lost.
pub(crate) async fn any_line_is_given_back(f: Fixture) {
    // In the last somebody comes back, in what is lost, just before their place is over.
    for seed in seeds(0..10, 10).into_iter().chain([868_217_404]) {
        eprintln!("seed {seed}");
        let f = f.twin(&format!("sale-{seed}"));
        let mut sale = Sale { rng: StdRng::seed_from_u64(seed), everybody: Vec::new() };
        let kept = sale.rng.random_range(0..60);
        let both = SetBack::of(f, Baseline { max_places: 1_000, ..inviting() }).await;
        let [lost, store] = both.each();
        for _ in 0..kept {
            let event = sale.next(30);
            sale.happens(event, &both.each()).await;
        }
        assert_eq!(lost.line().await, store.line().await, "seed {seed}: both have seen the same");
        lost.join(lost.visitor()).await;
        for _ in 0..15 {
            let event = sale.next(3);
            sale.happens(event, &[lost]).await;
        }
        let mut told = BTreeMap::new();
        for visitor in &sale.everybody {
            told.insert(*visitor, lost.status(*visitor).await);
        }
        let remembered = lost.remembered(1).await;
        assert!(store.give_back(&remembered).await, "seed {seed}");
        store.settle().await;
        let (before, after) = (remembered.memory.extent, store.stats().await.extent());
        assert_eq!((after.last_seq, after.watermark), (before.last_seq, before.watermark), "seed {seed}");
        for (visitor, told) in told {
            let seq = told.seq().map_or(0, |seq| seq.0);
            let now = store.come_back(visitor, seq).await;
            let stands = match (told, now) {
                (Standing::Waiting { .. }, _) => now == told,
                (Standing::Admitted { admission, .. }, Standing::Admitted { admission: now, .. }) => {
                    admission.token == now.token
                }
                // Expired here, and perhaps not swept there.
                (Standing::Absent { lost: Some(Lost::Passed) }, _) => true,
                (Standing::Absent { .. }, Standing::Waiting { seq }) => seq > before.last_seq,
                (Standing::Admitted { .. } | Standing::Absent { .. }, _) => false,
            };
            assert!(stands, "seed {seed}: {visitor:?} was told {told:?} and is {now:?}");
        }
    }
}
