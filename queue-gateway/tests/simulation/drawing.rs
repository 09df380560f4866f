//! An opening by draw on two gateways: numbers, places, and who goes in when.

use std::{collections::BTreeMap, time::Duration};

use queue_gateway::engine::{MOST_DEALT, QueueEngine};
use queue_gateway::line::{AdmissionLimits, LineChange, LogIndex, LogPage, QueueState, Sequence, Standing};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    store::Takes,
    world::{Gateway, TICK, Visitor, World, told},
};

pub(crate) const OPENS_IN: Duration = Duration::from_mins(1);

impl World {
    /// The order in which visitors were admitted.
    async fn admitted_in_order(&self) -> Vec<Sequence> {
        let stats = self.stats().await;
        let tail = self.engine.tail(&self.queue, stats.epoch, LogIndex(0), usize::MAX).await.unwrap();
        let LogPage::Entries(entries) = tail.page else { panic!("a gap") };
        let admitted = entries.into_iter().filter_map(|entry| match entry {
            LineChange::Admitted { seq, .. } => Some(seq),
            _ => None,
        });
        admitted.collect()
    }

    /// Just before the opening.
    pub(crate) async fn until_about_to_open(&self) {
        let stats = self.stats().await;
        let left = stats.control.opens_at().unwrap().duration_since(stats.now);
        tokio::time::sleep(Duration::try_from(left).unwrap().saturating_sub(2 * TICK)).await;
    }

    pub(crate) async fn until_drawn(&self) {
        for _ in 0..100 {
            if self.stats().await.state() == QueueState::Open {
                // All gateways have heard of it.
                self.tick().await;
                self.tick().await;
                return;
            }
            self.tick().await;
        }
        panic!("the places are never dealt: {:?}", self.stats().await.control.draw);
    }
}

/// Where everybody stands by the store, and that this gateway says the same, also by their number.
pub(crate) async fn assert_exact(world: &World, gateway: &Gateway, crowd: &[Visitor]) {
    let line = world.line().await;
    let positions: BTreeMap<Sequence, u64> = line.iter().copied().zip(1..).collect();
    assert_eq!(gateway.mirror.census().waiting, line.len() as u64);
    for visitor in crowd {
        let Standing::Waiting { seq } = world.standing(*visitor).await else { continue };
        assert_eq!(gateway.position(seq), positions.get(&seq).copied(), "{visitor:?}");
        assert_eq!(gateway.position(visitor.place.seq), positions.get(&seq).copied(), "{visitor:?} by their number");
    }
}

#[tokio::test(start_paused = true)]
async fn drawn_places_are_exact_on_every_gateway_also_for_later_ones() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 0.0, cap: 10_000 }, OPENS_IN).await;
    let gateways = [world.gateway().await, world.gateway().await];
    let mut random = StdRng::seed_from_u64(7);
    let mut crowd = Vec::new();
    for number in 1..=300 {
        let visitor = gateways[number % 2].join(&world).await;
        assert_eq!(visitor.place.seq.number(), Some(number as u64));
        crowd.push(visitor);
    }
    let mut streams: Vec<_> =
        crowd.iter().step_by(3).enumerate().map(|(at, visitor)| gateways[at % 2].listener(*visitor)).collect();
    for stream in &mut streams {
        let first = &stream.hear()[0].data;
        assert_eq!((first["state"].as_str(), first["position"].as_u64()), (Some("pre_queue"), None), "{first}");
    }
    for _ in 0..20 {
        let leaver = crowd.swap_remove(random.random_range(0..crowd.len()));
        world.leave(leaver).await;
    }
    world.until_about_to_open().await;
    // Some come while the queue opens, and some leave.
    for at in 0..60 {
        crowd.push(gateways[at % 2].join(&world).await);
        if at % 3 == 0 {
            let leaver = crowd.swap_remove(random.random_range(0..crowd.len()));
            world.leave(leaver).await;
        }
        tokio::time::sleep(TICK / 10).await;
    }
    world.until_drawn().await;
    for gateway in &gateways {
        assert_exact(&world, gateway, &crowd).await;
    }
    let mut heard = 0;
    let late = gateways[0].join(&world).await;
    assert_eq!(told(&gateways[1].poll(late).await), Some(world.line().await.len() as u64), "behind them all");
    for (at, visitor) in crowd.iter().enumerate() {
        let Standing::Waiting { seq } = world.standing(*visitor).await else { continue };
        let answer = gateways[at % 2].poll(*visitor).await;
        assert_eq!(told(&answer), gateways[0].position(seq));
        assert_eq!(answer.place.map(|place| place.seq), Some(seq), "the token that they get names the place");
    }
    for stream in &mut streams {
        let last = stream.hear().into_iter().rfind(|event| event.name == "position");
        let Some(told) = last.filter(|_| !stream.ended).map(|event| event.data) else { continue };
        let seq = Sequence::of_number(told["number"].as_u64().unwrap());
        assert_eq!(told["state"], "waiting", "everybody is told");
        assert_eq!(told["position"].as_u64(), gateways[0].position(seq), "also of a place behind their number");
        heard += 1;
    }
    assert!(heard > 50, "{heard}");
}

#[tokio::test(start_paused = true)]
async fn all_who_are_there_go_in_by_their_drawn_places() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 40.0, cap: 10_000 }, OPENS_IN).await;
    let gateways = [world.gateway().await, world.gateway().await];
    let mut crowd = Vec::new();
    for at in 0..200 {
        let visitor = gateways[at % 2].join(&world).await;
        crowd.push((visitor, gateways[(at + 1) % 2].listener(visitor)));
    }
    world.until_about_to_open().await;
    assert_eq!(world.admitted_total().await, 0);
    let mut later = Vec::new();
    for at in 0..40 {
        let visitor = gateways[at % 2].join(&world).await;
        later.push((visitor, gateways[at % 2].listener(visitor)));
        tokio::time::sleep(TICK / 8).await;
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    let admitted = world.admitted_in_order().await;
    assert_eq!(admitted, (1..=240).map(Sequence).collect::<Vec<_>>(), "nobody is overtaken");
    for (visitor, stream) in crowd.iter_mut().chain(&mut later) {
        assert!(world.is_admitted(*visitor).await);
        assert_eq!(stream.names().last().map(String::as_str), Some("admitted"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_comes_while_places_are_dealt_or_later_knows_them_too() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 0.0, cap: 10_000 }, OPENS_IN).await;
    let gateway = world.gateway().await;
    let crowd: Vec<Visitor> = world.ghosts(50).await;
    tokio::time::sleep(OPENS_IN).await;
    gateway.kill();
    // One that reads the line in full between the decision and the deals.
    world.store.slow_down(Takes { page: TICK / 3, ..Takes::default() });
    let between = world.gateway().await;
    world.until_drawn().await;
    assert_exact(&world, &between, &crowd).await;
    let after = world.gateway().await;
    world.tick().await;
    world.tick().await;
    assert_exact(&world, &after, &crowd).await;
    assert_eq!(after.mirror.number_of(crowd[6].place.seq), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_reads_the_line_while_the_draw_is_made_reads_it_again() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 0.0, cap: 10_000 }, OPENS_IN).await;
    let _deals = world.gateway().await;
    // More than one page.
    let mut crowd: Vec<Visitor> = world.ghosts(10_050).await;
    for leaver in crowd.drain(..3) {
        world.leave(leaver).await;
    }
    crowd.truncate(100);
    world.until_about_to_open().await;
    world.store.slow_down(Takes { page: 4 * TICK, ..Takes::default() });
    let reads = world.gateway().await;
    tokio::time::sleep(6 * TICK).await;
    world.store.slow_down(Takes::default());
    world.until_drawn().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_exact(&world, &reads, &crowd).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_forgotten_who_is_there_while_places_are_dealt() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 1_000.0, cap: 10_000 }, OPENS_IN).await;
    let gateway = world.gateway().await;
    // Several pieces, of which a tick deals one.
    let mut crowd = gateway.listeners(&world, 20).await;
    world.ghosts(2 * MOST_DEALT).await;
    crowd.extend(gateway.listeners(&world, 20).await);
    world.store.slow_down(Takes { deal: TICK, ..Takes::default() });
    world.until_about_to_open().await;
    world.until_drawn().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (visitor, _) in &crowd {
        assert!(world.is_admitted(*visitor).await, "{visitor:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_at_the_opening_draws_when_it_is_back() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 20.0, cap: 10_000 }, OPENS_IN).await;
    let gateway = world.gateway().await;
    let crowd = gateway.listeners(&world, 50).await;
    world.until_about_to_open().await;
    world.store.set_away(true);
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.store.set_away(false);
    world.until_drawn().await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(world.admitted_in_order().await, (1..=50).map(Sequence).collect::<Vec<_>>());
    assert_eq!(crowd.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn streams_and_polls_give_the_same_estimate_after_a_draw() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 10.0, cap: 10_000 }, OPENS_IN).await;
    let gateway = world.gateway().await;
    let mut crowd = Vec::new();
    for _ in 0..400 {
        let visitor = gateway.join(&world).await;
        crowd.push((visitor, gateway.listener(visitor)));
    }
    world.until_about_to_open().await;
    world.until_drawn().await;
    // Until everybody is counted among those who are present at their places.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let mut compared = 0;
    for (visitor, stream) in &mut crowd {
        let last = stream.hear().into_iter().rfind(|event| event.name == "position");
        let (Some(told), Some(outlook)) = (last, gateway.mirror.outlook_of_waiting(visitor.place.seq)) else {
            continue;
        };
        let Standing::Waiting { seq } = world.standing(*visitor).await else { continue };
        assert_eq!(gateway.mirror.outlook_of_waiting(seq), Some(outlook), "by their number and by their place");
        if told.data["position"].as_u64() == Some(outlook.position) {
            let expected = outlook.wait.map(|wait| wait.p50).unwrap();
            let shown = told.data["wait_seconds"]["p50"].as_u64().unwrap();
            assert!(
                shown.abs_diff(expected) <= 2 + expected / 4,
                "told {shown}, is {expected} at {}",
                outlook.position
            );
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_takes_no_part_in_the_draw_holds_up_nobody() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 40.0, cap: 10_000 }, OPENS_IN).await;
    let gateway = world.gateway().await;
    world.ghosts(20).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    let lost = gateway.join(&world).await;
    world.until_about_to_open().await;
    // The store forgets the last number, which this gateway still has.
    world.store.set_back(standby);
    gateway.poll(lost).await;
    world.until_drawn().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let newcomer = gateway.join(&world).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(world.is_admitted(newcomer).await, "{:?}", world.stats().await);
}

#[tokio::test(start_paused = true)]
async fn a_draw_outlives_the_loss_of_a_store_at_any_time() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 0.0, cap: 10_000 }, OPENS_IN).await;
    let gateway = world.gateway().await;
    world.ghosts(3).await;
    world.tick().await;
    let secret = world.stats().await.control.draw.secret;
    world.store.empty();
    world.until_whole().await;
    assert_eq!(world.stats().await.control.draw.secret, secret, "what was committed to stands");
    world.ghosts(3).await;
    world.until_about_to_open().await;
    world.until_drawn().await;
    let (drawn, before) = (gateway.mirror.drawn().unwrap(), world.line().await);
    world.store.empty();
    world.until_whole().await;
    let draw = world.stats().await.control.draw;
    assert_eq!((draw.secret, draw.numbers), (secret, Some(6)), "nobody draws again");
    assert!(draw.drawn_at.is_some() && gateway.mirror.drawn() == Some(drawn));
    assert_eq!(world.line().await, before, "everybody is at the place that was drawn");
}

/// Streams are not asked again, so the store knows none of them by name.
#[tokio::test(start_paused = true)]
async fn whoever_only_listens_goes_in_after_a_loss_and_a_draw() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 40.0, cap: 10_000 }, OPENS_IN).await;
    let gateway = world.gateway().await;
    let mut crowd = gateway.listeners(&world, 30).await;
    world.tick().await;
    world.store.empty();
    world.until_whole().await;
    world.until_about_to_open().await;
    world.until_drawn().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.admitted_total().await, 30);
    for (visitor, stream) in &mut crowd {
        assert_eq!(stream.names().last().map(String::as_str), Some("admitted"), "{visitor:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_was_away_when_the_drawn_line_passed_them_is_next_when_back() {
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 40.0, cap: 10_000 }, OPENS_IN).await;
    let gateways = [world.gateway().await, world.gateway().await];
    let away = world.ghosts(60).await;
    let mut crowd = Vec::new();
    for at in 0..120 {
        let visitor = gateways[at % 2].join(&world).await;
        crowd.push((visitor, gateways[at % 2].listener(visitor)));
    }
    world.until_about_to_open().await;
    world.until_drawn().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let watermark = world.stats().await.watermark;
    let mut passed = Vec::new();
    for visitor in away.iter().chain(crowd.iter().map(|(visitor, _)| visitor)) {
        let Standing::Waiting { seq } = world.standing(*visitor).await else { continue };
        let by_place = gateways.each_ref().map(|gateway| gateway.mirror.look_up(seq).unwrap().0);
        let by_number = gateways.each_ref().map(|gateway| gateway.mirror.look_up(visitor.place.seq).unwrap().0);
        assert_eq!((by_place[0], by_place), (by_place[1], by_number), "{visitor:?}");
        assert_eq!(by_place[0].parked, seq <= watermark, "{visitor:?}");
        if by_place[0].parked {
            passed.push(*visitor);
        }
    }
    assert!(passed.len() > 5 && crowd.len() > 60, "{}", passed.len());
    for visitor in &passed {
        gateways[1].poll(*visitor).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for visitor in &passed {
        assert!(world.is_admitted(*visitor).await, "{visitor:?} is back, and next");
    }
}
