//! Rate, cap and order.

use std::time::Duration;

use queue_gateway::line::AdmissionLimits;

use crate::world::{TICK, World};

#[tokio::test(start_paused = true)]
async fn thousands_are_admitted_in_order_at_the_rate_and_never_above_the_cap() {
    let limits = AdmissionLimits { rate_per_second: 100.0, cap: 600 };
    let world = World::new(limits).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    // Order is kept among those whom the store has known for a tick.
    world.pause(true).await;
    let mut crowd = Vec::new();
    for number in 0..2_000 {
        let gateway = if number % 2 == 0 { &one } else { &other };
        crowd.push(gateway.listeners(&world, 1).await.remove(0));
    }
    for _ in 0..3 {
        world.tick().await;
    }
    world.pause(false).await;

    let (mut admitted, mut ticks) = (0, 0);
    while admitted < crowd.len() {
        let before = world.admitted_total().await;
        world.tick().await;
        ticks += 1;
        assert!(ticks < 2_000, "{admitted} admitted after {ticks} ticks");
        let known = admitted as u64;
        for (visitor, stream) in crowd.iter_mut().skip(admitted) {
            let events = stream.hear();
            let Some(last) = events.last().filter(|event| event.name == "admitted") else { break };
            assert!(stream.ended, "an admission ends the stream");
            assert_eq!(last.data["state"], "admitted");
            assert!(last.data["active_token"].as_str().is_some_and(|token| token.split('.').count() == 3));
            assert!(world.is_admitted(*visitor).await);
            admitted += 1;
        }
        assert!(crowd[admitted..].iter().all(|(_, stream)| !stream.ended), "nobody overtakes");
        let stats = world.stats().await;
        assert!(stats.active <= limits.cap);
        // A tick is worth ten; what the cap held back may follow at once, up to a second's worth.
        assert!(stats.totals.admitted - before <= 100, "{} in one tick", stats.totals.admitted - before);
        assert!(admitted as u64 >= before.max(known), "streams hear of every admission within a tick");
    }
    // A slot lives ten seconds without an arrival, so a cap of 600 lets 60 in per second in the long run.
    let seconds = (TICK * ticks).as_secs_f64();
    assert!((25.0..35.0).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn more_gateways_do_not_admit_more() {
    let world = World::new(AdmissionLimits { rate_per_second: 7.0, cap: 10_000 }).await;
    let mut gateways = Vec::new();
    let mut crowd = Vec::new();
    for _ in 0..5 {
        let gateway = world.gateway().await;
        crowd.extend(gateway.listeners(&world, 100).await);
        gateways.push(gateway);
    }
    let before = world.admitted_total().await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let admitted = world.admitted_total().await - before;
    // Of the admissions due in the window one may fall just outside.
    assert!((7 * 30 - 1..=7 * 30 + 7).contains(&admitted), "{admitted}");
}

#[tokio::test(start_paused = true)]
async fn a_tick_is_one_call_of_the_store_however_many_wait() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 100_000 }).await;
    let gateway = world.gateway().await;
    for size in [100, 3_000] {
        let mut crowd = gateway.listeners(&world, size).await;
        world.tick().await;
        world.store.asked();
        for _ in 0..20 {
            world.tick().await;
        }
        assert_eq!(world.store.asked(), 20, "with {size} more");
        assert!(crowd.iter_mut().all(|(_, stream)| !stream.names().is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_only_joins_is_never_admitted_and_costs_nothing() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let _gateway = world.gateway().await;
    let ghosts = world.ghosts(500).await;
    world.store.asked();
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(world.store.asked(), 1_200, "one call a tick");
    assert_eq!(world.admitted_total().await, 0);
    assert_eq!(world.line().await.len(), ghosts.len(), "their places are kept as long as nobody passes them");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_by_the_page_while_nobody_waits_goes_straight_in() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 2 }).await;
    let gateway = world.gateway().await;
    world.ghosts(3).await;
    // By then the gateway knows that they are not there.
    world.tick().await;
    world.tick().await;
    for _ in 0..2 {
        let visitor = gateway.join(&world).await;
        assert!(world.is_admitted(visitor).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let third = gateway.join(&world).await;
    assert!(!world.is_admitted(third).await, "the cap holds");
    assert_eq!(gateway.position(third.place.seq), Some(1));
}
