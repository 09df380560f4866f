//! Rate, cap and order.

use std::time::Duration;

use queue_gateway::line::{AdmissionLimits, Standing};

use crate::world::{TICK, World};

#[tokio::test(start_paused = true)]
async fn thousands_are_admitted_in_order_at_the_rate_and_never_above_the_cap() {
    let limits = AdmissionLimits { rate_per_second: 100.0, cap: 600 };
    let world = World::new(limits).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let crowd = world.crowd(2_000).await;
    let mut streams = Vec::new();
    for (number, visitor) in crowd.iter().enumerate() {
        let gateway = if number % 2 == 0 { &one } else { &other };
        streams.push(gateway.stream(&world, *visitor).await);
    }

    // The first was admitted on the way in.
    let mut admitted = 1;
    let mut ticks = 0;
    while admitted < crowd.len() {
        world.tick().await;
        ticks += 1;
        assert!(ticks < 2_000, "{admitted} admitted after {ticks} ticks");
        let before = admitted;
        for (visitor, stream) in crowd.iter().zip(&mut streams).skip(admitted) {
            let events = stream.hear();
            let Some(last) = events.last().filter(|event| event.name == "admitted") else { break };
            assert!(stream.ended, "an admission ends the stream");
            assert_eq!(last.data["state"], "admitted");
            assert!(last.data["active_token"].as_str().is_some_and(|token| token.split('.').count() == 3));
            assert!(matches!(world.standing(visitor.id).await, Standing::Admitted { .. }));
            admitted += 1;
        }
        assert!(streams[admitted..].iter().all(|stream| !stream.ended), "nobody overtakes");
        assert!(world.active().await <= limits.cap);
        // A tick is worth ten; what the cap held back may follow at once, up to a second's worth.
        assert!(admitted - before <= 100, "{} in one tick", admitted - before);
        assert_eq!(world.admitted_total().await, admitted as u64, "streams hear of every admission in its own tick");
    }
    // A slot lives ten seconds unclaimed, so a cap of 600 lets 60 in per second in the long run.
    let seconds = (TICK * ticks).as_secs_f64();
    assert!((25.0..35.0).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn more_gateways_do_not_admit_more() {
    let world = World::new(AdmissionLimits { rate_per_second: 7.0, cap: 10_000 }).await;
    let mut gateways = Vec::new();
    for _ in 0..5 {
        gateways.push(world.gateway().await);
    }
    world.crowd(500).await;
    let before = world.admitted_total().await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let admitted = world.admitted_total().await - before;
    // Of the admissions due in the window one may fall just outside.
    assert!((7 * 30 - 1..=7 * 30 + 7).contains(&admitted), "{admitted}");
}

#[tokio::test(start_paused = true)]
async fn a_step_costs_the_store_the_same_however_many_wait() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 100_000 }).await;
    let gateway = world.gateway().await;
    let mut costs = Vec::new();
    for size in [100, 3_000] {
        let crowd = world.crowd(size).await;
        let mut streams = Vec::new();
        for visitor in crowd {
            streams.push(gateway.stream(&world, visitor).await);
        }
        world.tick().await;
        world.store.asked();
        for _ in 0..20 {
            world.tick().await;
        }
        costs.push(world.store.asked());
        assert!(streams.iter_mut().all(|stream| !stream.names().is_empty()));
    }
    // One promotion a tick, and one reading of the log where somebody was admitted.
    assert!(costs.iter().all(|asked| (20..=41).contains(asked)), "{costs:?}");
}
