//! Who counts as being there, and what that is worth.

use std::time::Duration;

use queue_gateway::line::{AdmissionLimits, Lost, Sequence, Standing};

use crate::world::{ARRIVE, GRACE, Gateway, TICK, Visitor, World, told};

fn one_a_second() -> AdmissionLimits {
    AdmissionLimits { rate_per_second: 1.0, cap: 1_000 }
}

fn present(gateway: &Gateway) -> u64 {
    gateway.mirror.census().present
}

/// Somebody behind them is admitted: the line has passed them.
async fn pass(world: &World, gateway: &Gateway, visitor: Visitor) -> Visitor {
    let (next, _stream) = gateway.listeners(world, 1).await.remove(0);
    while !world.is_admitted(next).await {
        world.tick().await;
    }
    assert!(world.stats().await.watermark > visitor.place.seq);
    next
}

#[tokio::test(start_paused = true)]
async fn a_closed_stream_keeps_its_visitor_present_for_a_while_and_then_not() {
    let world = World::new(one_a_second()).await;
    let gateway = world.gateway().await;
    world.pause(true).await;
    let (_, stream) = gateway.listeners(&world, 1).await.remove(0);
    drop(stream);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!((present(&gateway), world.stats().await.ready), (1, 1));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((present(&gateway), world.stats().await.ready), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_presence_until_after_the_next_one_is_due() {
    let world = World::new(one_a_second()).await;
    let gateway = world.gateway().await;
    world.pause(true).await;
    let visitor = world.ghost().await;
    // Told to ask again in two or three seconds: a hidden tab asks a minute later.
    gateway.poll(visitor).await;
    for (seconds, here) in [(62, 1), (8, 0)] {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        assert_eq!((present(&gateway), world.stats().await.ready), (here, here), "{seconds} s later");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_to_arrive_begins_when_a_poll_is_due() {
    let world = World::new(one_a_second()).await;
    let gateway = world.gateway().await;
    let (poller, listener) = (world.ghost().await, world.ghost().await);
    gateway.poll(poller).await;
    let _stream = gateway.listener(listener);
    tokio::time::sleep(Duration::from_secs(3)).await;
    for (visitor, least, most) in [(listener, 0, 10), (poller, 60, 75)] {
        let Standing::Admitted { admission, .. } = world.standing(visitor).await else { panic!("both are admitted") };
        let seconds = admission.arrive_before.duration_since(admission.admitted_at).as_secs();
        assert!((least..=most).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn ghosts_in_front_make_nobody_wait_and_the_estimate_says_so() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    let first = world.ghost().await;
    pass(&world, &gateway, first).await;
    let ghosts = world.ghosts(20_000).await;
    let mut crowd = gateway.listeners(&world, 200).await;
    let last = crowd[199].0.place.seq;
    world.pause(true).await;
    world.tick().await;
    world.tick().await;
    assert_eq!(gateway.position(last), Some(20_200), "their places count as long as nobody has passed them");
    world.pause(false).await;
    world.tick().await;
    assert!(matches!(gateway.wait(last), Some(19..=21)), "{:?}", gateway.wait(last));
    assert!(gateway.wait(ghosts[0].place.seq) <= Some(1), "nor do they wait for one another");
    tokio::time::sleep(Duration::from_secs(21)).await;
    for (visitor, stream) in &mut crowd {
        assert_eq!(stream.names().last().map(String::as_str), Some("admitted"), "{visitor:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_who_comes_back_within_the_grace_time_is_next() {
    let world = World::new(one_a_second()).await;
    let gateway = world.gateway().await;
    let away = world.ghost().await;
    pass(&world, &gateway, away).await;
    let mut crowd = gateway.listeners(&world, 10).await;
    tokio::time::sleep(GRACE.saturating_sub(Duration::from_secs(5))).await;
    assert!(world.admitted_total().await >= 11, "nobody waited for them");
    crowd.extend(gateway.listeners(&world, 5).await);
    let back = gateway.poll(away).await;
    assert_eq!(told(&back), Some(1));
    tokio::time::sleep(Duration::from_secs(1) + 2 * TICK).await;
    assert!(world.is_admitted(away).await);
}

#[tokio::test(start_paused = true)]
async fn however_many_come_back_at_once_nobody_who_is_there_loses_the_place() {
    let world = World::new(one_a_second()).await;
    let gateway = world.gateway().await;
    let away = world.ghosts(1_000).await;
    pass(&world, &gateway, away[999]).await;
    // More than the store wants to know of, and the others after them.
    let mut back: Vec<_> = away[..300].iter().map(|visitor| gateway.listener(*visitor)).collect();
    world.tick().await;
    world.tick().await;
    back.extend(away[300..].iter().map(|visitor| gateway.listener(*visitor)));
    tokio::time::sleep(GRACE + Duration::from_secs(5)).await;
    let line = world.line().await;
    let mut left = 0;
    for (visitor, stream) in away.iter().zip(&mut back) {
        stream.hear();
        if !stream.ended {
            assert!(line.contains(&visitor.place.seq), "{visitor:?}");
            assert_eq!(gateway.position(visitor.place.seq), Some(1), "as when the line passed them");
            left += 1;
        }
    }
    assert!((960..975).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn whoever_stays_away_for_longer_has_lost_the_place() {
    let world = World::new(one_a_second()).await;
    let gateway = world.gateway().await;
    let away = world.ghost().await;
    pass(&world, &gateway, away).await;
    tokio::time::sleep(GRACE + Duration::from_secs(2)).await;
    assert!(!world.line().await.contains(&away.place.seq));
    assert!(told(&gateway.poll(away).await).is_none());
    let mut stream = gateway.stream(away).await;
    let last = stream.hear().remove(0);
    assert_eq!((last.name.as_str(), &last.data["reason"]), ("closed", &"passed".into()));
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_again_has_the_grace_time_anew() {
    let world = World::new(one_a_second()).await;
    let gateway = world.gateway().await;
    let away = world.ghost().await;
    pass(&world, &gateway, away).await;
    // Nobody is let in while they are back, so that they keep their place.
    world.order(queue_gateway::line::ControlChange { cap: Some(Some(0)), ..Default::default() }).await;
    tokio::time::sleep(GRACE.saturating_sub(Duration::from_secs(5))).await;
    drop(gateway.stream(away).await);
    tokio::time::sleep(GRACE + Duration::from_secs(6)).await;
    assert!(matches!(world.standing(away).await, Standing::Waiting { .. }), "seen later than passed");
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(world.standing(away).await, Standing::Absent { lost: Some(Lost::Passed) });
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_a_minute_costs_nobody_a_turn_or_their_presence() {
    let world = World::new(one_a_second()).await;
    let gateway = world.gateway().await;
    let away = world.ghost().await;
    let admitted = pass(&world, &gateway, away).await;
    let passed_at = tokio::time::Instant::now();
    let poller = world.ghost().await;
    gateway.poll(poller).await;
    let closed = gateway.listeners(&world, 1).await.remove(0).0;
    let _streams = gateway.listeners(&world, 20).await;
    world.tick().await;
    assert_eq!(present(&gateway), 22);

    world.store.set_away(true);
    tokio::time::sleep(Duration::from_mins(1)).await;
    // Told what was known last, marked as such.
    let answer = gateway.poll(closed).await;
    assert!(answer.refreshing && told(&answer).is_some(), "{answer:?}");
    let first = gateway.stream(poller).await.hear().remove(0);
    assert_eq!((first.name.as_str(), &first.data["refreshing"]), ("position", &true.into()));
    world.store.set_away(false);
    while !gateway.mirror.is_current() {
        world.tick().await;
    }
    assert!(passed_at.elapsed() > Duration::from_mins(1).max(GRACE).max(ARRIVE));
    let stats = world.stats().await;
    assert_eq!(stats.ready, 22 - (stats.totals.admitted - 1), "all are there who were");
    assert!(world.is_admitted(admitted).await, "the time to arrive stood still");
    assert!(matches!(world.standing(away).await, Standing::Waiting { .. }), "and so did the grace time");
    for _ in 0..30 {
        world.tick().await;
    }
    assert!(world.is_admitted(poller).await, "first in the line, as before");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_killed_frees_its_visitors_within_seconds_while_another_goes_on() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    world.pause(true).await;
    let mut lost = one.listeners(&world, 50).await;
    let kept = other.listeners(&world, 50).await;
    world.tick().await;
    world.tick().await;
    assert_eq!((present(&other), world.stats().await.ready), (100, 100));

    one.kill();
    for (_, stream) in lost.drain(..) {
        drop(stream);
    }
    world.pause(false).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(present(&other) <= 50 && world.stats().await.ready <= 50, "the dead are gone");
    tokio::time::sleep(Duration::from_secs(5)).await;
    for (visitor, _) in &kept {
        assert!(world.is_admitted(*visitor).await, "{visitor:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_stopping_gateway_knows_is_told_until_the_end_and_then_it_says_farewell() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let mut crowd = one.listeners(&world, 400).await;
    world.tick().await;
    one.shut_down();
    let (mut turned_away, mut admitted) = (Vec::new(), 0);
    for second in 0..11 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = crowd.len();
        let mut streams = Vec::new();
        for (visitor, mut stream) in crowd.drain(..) {
            let last = stream.hear().pop();
            if !stream.ended {
                assert!(!world.is_admitted(visitor).await, "an admission is told also by a stopping gateway");
                streams.push((visitor, stream));
                continue;
            }
            match last.unwrap() {
                last if last.name == "admitted" => admitted += 1,
                last => {
                    assert!((5_000..20_000).contains(&last.retry_ms.unwrap()));
                    turned_away.push(visitor);
                }
            }
        }
        crowd = streams;
        assert!(second >= 8 || (20..=70).contains(&(before - crowd.len())), "spread over time");
    }
    assert!(crowd.is_empty() && admitted > 30, "{admitted}");
    world.tick().await;
    assert_eq!((present(&other), world.stats().await.ready), (0, 0), "nobody is there any more, at once");
    assert!(one.listen(turned_away[0], world.standing(turned_away[0]).await).is_err(), "it takes nobody in");
    // They go on at the other gateway: who was still counted as present may have been admitted on the way.
    for visitor in turned_away {
        let expected = if world.is_admitted(visitor).await { "admitted" } else { "position" };
        assert_eq!(other.stream(visitor).await.names()[0], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_gateways_keep_of_visitors_goes_with_them() {
    let world = World::new(AdmissionLimits { rate_per_second: 50.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    for round in 0..3 {
        let mut crowd = gateway.listeners(&world, 100).await;
        for visitor in world.ghosts(100).await {
            gateway.poll(visitor).await;
        }
        for (visitor, _) in crowd.drain(..20) {
            world.leave(visitor).await;
        }
        crowd.truncate(40);
        tokio::time::sleep(Duration::from_mins(3)).await;
        drop(crowd);
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(gateway.presence.lock().is_empty(), "round {round}: {:?}", gateway.presence.lock().len());
        assert_eq!((present(&gateway), world.stats().await.ready), (0, 0), "round {round}");
        assert_eq!(world.line().await, [] as [Sequence; 0], "round {round}: places that were passed are over");
    }
}
