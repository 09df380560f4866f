//! A store that goes on without its last writes.

use std::{sync::Arc, time::Duration};

use queue_gateway::{
    engine::{QueueEngine, embedded::EmbeddedEngine},
    line::{Admission, AdmissionLimits, Progress, QueueState, Sequence},
    waiting_room::View,
};

use crate::{
    listener::Listener,
    world::{CLAIM, Gateway, Visitor, World, told},
};

#[tokio::test(start_paused = true)]
async fn a_poll_that_meets_the_loss_first_sends_nobody_back() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(20).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    for visitor in &crowd[..3] {
        world.leave(*visitor).await;
    }
    world.tick().await;
    let mut stream = gateway.stream(crowd[19]).await;
    world.store.set_back(standby);
    assert_eq!(told(&gateway.poll(crowd[18]).await), Some(16), "as it was told before");
    world.until_whole().await;
    stream.hear();
    assert!(!stream.ended);
    assert_eq!(told(&gateway.poll(crowd[18]).await), Some(16));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_told_with_the_join_outlives_a_fail_over() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    let visitor = gateway.join(&world).await;
    assert!(world.is_admitted(visitor).await);
    world.store.fail_over(standby);
    world.until_whole().await;
    assert!(world.is_admitted(visitor).await);
    assert!(matches!(gateway.poll(visitor).await.view, View::Admitted { .. }));
}

/// The gateway's positions of those who have not been passed are the store's.
pub(crate) async fn assert_exact(world: &World, gateway: &Gateway) {
    let watermark = world.stats().await.watermark;
    for (seq, expected) in world.line().await.into_iter().filter(|seq| *seq > watermark).zip(1..) {
        assert_eq!(gateway.position(seq), Some(expected), "{seq:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fail_over_that_lost_joins_alone_costs_nobody_the_place() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let kept = world.ghosts(20).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    let lost = world.ghost().await;
    world.tick().await;
    let mut streams = [gateway.stream(kept[0]).await, gateway.stream(lost).await];
    world.store.set_back(standby);
    world.until_whole().await;
    for stream in &mut streams {
        stream.hear();
        assert!(!stream.ended);
    }
    let newcomer = world.ghost().await;
    assert_eq!(newcomer.place.seq, Sequence(22), "no sequence is issued twice");
    assert!(gateway.mirror.is_doubtful(world.clock.now()), "whose place nobody had remembered is for the store to say");
    assert_eq!(told(&gateway.poll(lost).await), Some(21));
    assert_eq!(told(&gateway.poll(kept[3]).await), Some(4));
    world.tick().await;
    assert_exact(&world, &gateway).await;
}

#[tokio::test(start_paused = true)]
async fn a_fail_over_takes_nobody_s_turn_back_and_gives_nobody_another() {
    let world = World::new(AdmissionLimits { rate_per_second: 20.0, cap: 10_000 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let mut streams = one.listeners(&world, 200).await;
    streams.extend(other.listeners(&world, 200).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let standby = world.store.cut_off_standby();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let gone = streams[350].0;
    world.leave(gone).await;
    world.pause(true).await;
    world.tick().await;
    let (told, lost) = (world.stats().await, standby.stats(&world.queue).await.unwrap());
    assert!(lost.totals.admitted + 20 < told.totals.admitted, "{} of {}", lost.totals.admitted, told.totals.admitted);
    world.store.fail_over(standby);
    world.until_whole().await;
    let after = world.stats().await;
    assert_eq!((after.totals.admitted, after.active), (told.totals.admitted, told.active));
    assert_eq!(after.state(), QueueState::Paused, "and a pause stays a pause");
    world.pause(false).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = world.stats().await;
    assert!(after.totals.admitted > told.totals.admitted + 60, "it goes on by itself");
    assert_eq!(after.totals.admitted + world.line().await.len() as u64, 399, "nobody is admitted twice");
    for (visitor, stream) in &mut streams {
        let names = stream.names();
        let is_over = world.is_admitted(*visitor).await || visitor.id == gone.id;
        assert_eq!(stream.ended, is_over, "{visitor:?} heard {names:?}");
        assert_eq!(one.position(visitor.place.seq), other.position(visitor.place.seq));
    }
}

/// The cap is used up. Some of them were admitted, and all have claimed, when nothing reached the standby any more.
async fn at_the_shop_behind_the_standby(world: &World, gateway: &Gateway) -> (Vec<Visitor>, Arc<EmbeddedEngine>) {
    let crowd: Vec<Visitor> = gateway.listeners(world, 60).await.into_iter().map(|(visitor, _)| visitor).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let standby = world.store.cut_off_standby();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let at_the_shop = world.admitted(&crowd).await;
    assert_eq!(at_the_shop.len(), 30);
    assert!(standby.stats(&world.queue).await.unwrap().active < 30);
    for (visitor, _) in &at_the_shop {
        world.claim(*visitor).await;
    }
    (crowd, standby)
}

async fn assert_nobody_has_lost_the_slot(world: &World, crowd: &[Visitor], before: &[(Visitor, Admission)]) {
    // Had nobody claimed them, they would be lost by now, and others in.
    tokio::time::sleep(3 * CLAIM).await;
    let stats = world.stats().await;
    assert_eq!((stats.active, stats.unclaimed), (30, 0));
    let now = world.admitted(crowd).await;
    let slots = |of: &[(Visitor, Admission)]| of.iter().map(|(_, admission)| admission.token).collect::<Vec<_>>();
    assert_eq!(slots(&now), slots(before), "the same turns, and no other");
    assert!(now.iter().all(|(_, admission)| admission.progress == Progress::Claimed));
}

#[tokio::test(start_paused = true)]
async fn whoever_had_claimed_before_a_fail_over_keeps_the_turn_and_gets_no_other() {
    let world = World::new(AdmissionLimits { rate_per_second: 20.0, cap: 30 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let (crowd, standby) = at_the_shop_behind_the_standby(&world, &one).await;
    world.tick().await;
    let before = world.admitted(&crowd).await;
    // A gateway of whose visitors the other one has heard by the log alone.
    one.kill();
    world.store.fail_over(standby);
    world.until_whole().await;
    assert_nobody_has_lost_the_slot(&world, &crowd, &before).await;
    for (visitor, _) in &before {
        let back = world.rejoin(visitor.id, Some(visitor.place)).await;
        assert_eq!(back.place, visitor.place, "no second place");
        assert!(matches!(other.poll(*visitor).await.view, View::Admitted { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_gateway_that_remembers_alone_knows_who_had_claimed() {
    let world = World::new(AdmissionLimits { rate_per_second: 20.0, cap: 30 }).await;
    let one = world.gateway().await;
    let (crowd, _) = at_the_shop_behind_the_standby(&world, &one).await;
    world.tick().await;
    let before = world.admitted(&crowd).await;
    let _late = world.gateway().await;
    one.kill();
    world.store.empty();
    world.until_whole().await;
    assert_nobody_has_lost_the_slot(&world, &crowd, &before).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_had_left_before_and_came_again_has_the_new_place_after_a_fail_over() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(3).await;
    for visitor in &crowd[..2] {
        world.leave(*visitor).await;
    }
    world.tick().await;
    let standby = world.store.cut_off_standby();
    let again = [world.rejoin(crowd[0].id, None).await, world.rejoin(crowd[1].id, None).await];
    world.tick().await;
    world.store.fail_over(standby);
    world.until_whole().await;
    assert_eq!(told(&gateway.poll(again[1]).await), Some(3), "the store remembers that they left");
    gateway.leave(again[0]).await;
    assert_eq!(world.line().await, [crowd[2].place.seq, again[1].place.seq]);
    world.leave(again[1]).await;
    world.tick().await;
    assert!(matches!(gateway.poll(again[1]).await.view, View::Gone { .. }));
}

/// What it alone knew is lost, and the place is somebody else's.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_was_away_for_the_whole_wait_notices_that_its_history_is_over() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let one = world.gateway().await;
    let (other, way) = world.gateway_apart().await;
    world.ghosts(20).await;
    world.tick().await;
    let mut kept = one.stream(world.ghost().await).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    let lost = other.join(&world).await;
    let mut stream = other.stream(lost).await;
    way.set_away(true);
    world.store.fail_over(standby);
    tokio::time::sleep(Duration::from_secs(70)).await;
    let newcomers = world.ghosts(5).await;
    assert_eq!(newcomers[0].place, lost.place, "nobody else has heard of it");
    world.tick().await;
    way.set_away(false);
    tokio::time::sleep(Duration::from_secs(3)).await;
    for stream in [&mut kept, &mut stream] {
        stream.hear();
    }
    assert!(stream.ended && !kept.ended);
    let answer = other.poll(lost).await;
    assert!(matches!(answer.view, View::Gone { .. }), "{answer:?}");
    assert_eq!(told(&other.poll(newcomers[0]).await), Some(22));
    assert_exact(&world, &other).await;
}

/// It had read more of a log that is lost than there is of the one that goes on.
#[tokio::test(start_paused = true)]
async fn what_a_gateway_of_an_earlier_history_knew_brings_nobody_back() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let _one = world.gateway().await;
    let (other, way) = world.gateway_apart().await;
    let crowd = world.ghosts(20).await;
    world.tick().await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    world.store.set_away(true);
    for visitor in &crowd[10..15] {
        other.leave(*visitor).await;
    }
    way.set_away(true);
    world.store.set_away(false);
    world.store.fail_over(standby);
    tokio::time::sleep(Duration::from_secs(70)).await;
    for visitor in &crowd[..2] {
        world.leave(*visitor).await;
    }
    world.tick().await;
    way.set_away(false);
    tokio::time::sleep(Duration::from_secs(15)).await;
    let line = world.line().await;
    assert!(!line.contains(&crowd[0].place.seq) && !line.contains(&crowd[1].place.seq), "{line:?}");
    assert_eq!(line.len(), 18, "nobody else has heard of the others");
    assert_exact(&world, &other).await;
    assert!(other.mirror.is_current());
}

/// Twenty are at the standby; somebody has joined since and listens.
async fn last_joined_behind_the_standby() -> (World, Gateway, Listener, Arc<EmbeddedEngine>) {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    world.ghosts(20).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    let lost = world.ghost().await;
    let stream = gateway.stream(lost).await;
    world.tick().await;
    (world, gateway, stream, standby)
}

#[tokio::test(start_paused = true)]
async fn a_fail_over_is_noticed_also_when_the_store_has_moved_on_since() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let kept = world.ghosts(20).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    // Seen by the gateway, and lost: two came, and the first of them left.
    let lost = world.ghosts(2).await;
    world.leave(lost[0]).await;
    world.tick().await;
    let mut stream = gateway.stream(lost[1]).await;

    // The new master is ahead of all that the gateway has seen before its next tick.
    world.store.set_back(standby);
    world.ghosts(5).await;
    for visitor in &kept[..3] {
        world.leave(*visitor).await;
    }
    world.tick().await;
    assert_exact(&world, &gateway).await;
    stream.hear();
    assert!(stream.ended);
    assert!(gateway.mirror.is_doubtful(world.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn a_fail_over_is_noticed_also_when_more_have_joined_since_than_were_lost() {
    let (world, gateway, mut stream, standby) = last_joined_behind_the_standby().await;
    // Nothing is logged, and the new master is ahead in places: only what it knows of us is of before.
    world.store.set_back(standby);
    world.ghosts(5).await;
    world.tick().await;
    stream.hear();
    assert!(stream.ended, "the place may be somebody else's");
    assert!(gateway.mirror.is_doubtful(world.clock.now()));
    world.tick().await;
    assert_exact(&world, &gateway).await;
}

#[tokio::test(start_paused = true)]
async fn a_loss_that_was_noticed_is_not_forgotten_because_reading_on_failed() {
    let (world, gateway, mut stream, standby) = last_joined_behind_the_standby().await;
    world.store.set_back(standby);
    world.store.set_without_snapshots(true);
    world.ghosts(5).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    stream.hear();
    assert!(!stream.ended, "nothing is known yet");
    world.store.set_without_snapshots(false);
    tokio::time::sleep(Duration::from_secs(5)).await;
    stream.hear();
    assert!(stream.ended);
    assert_exact(&world, &gateway).await;
}
