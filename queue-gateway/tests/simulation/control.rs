//! Pauses, messages, departures and signs of life as streams tell them.

use std::time::Duration;

use queue_gateway::line::{AdmissionLimits, ControlChange};
use serde_json::json;

use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_paused_queue_admits_nobody_and_says_so() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    let mut crowd = gateway.listeners(&world, 100).await;
    let (last, mut stream) = crowd.pop().unwrap();
    assert_eq!(stream.names(), ["position", "resumed"]);

    world.pause(true).await;
    world.tick().await;
    let event = stream.hear().remove(0);
    assert_eq!((event.name.as_str(), &event.data["paused"]), ("paused", &json!(true)));
    let before = world.admitted_total().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(world.admitted_total().await, before);
    assert!(gateway.position(last.place.seq).is_some() && gateway.wait(last.place.seq).is_none());
    let mut newcomer = gateway.stream(world.ghost().await).await;
    assert_eq!(newcomer.names(), ["position", "paused"]);

    stream.hear();
    world.pause(false).await;
    world.tick().await;
    assert_eq!(stream.names()[0], "resumed");
    assert!(world.admitted_total().await - before <= 1, "a pause banks no credit");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(world.admitted_total().await - before >= 19);
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_every_stream_and_every_later_place() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(3).await;
    let mut stream = gateway.stream(crowd[2]).await;
    stream.hear();
    let change = ControlChange { message: Some(Some("Back in\nfive".to_owned())), ..ControlChange::default() };
    world.order(change).await;
    world.tick().await;
    let event = stream.hear().remove(0);
    assert_eq!((event.name.as_str(), event.data["message"].as_str()), ("message", Some("Back in\nfive")));
    let mut late = gateway.stream(crowd[1]).await;
    assert_eq!(late.hear()[0].data["message"], "Back in\nfive");
}

#[tokio::test(start_paused = true)]
async fn whoever_counts_down_to_an_opening_hears_at_once_when_it_moves() {
    let opens_in = Duration::from_mins(10);
    let world = World::opening_by_draw(AdmissionLimits { rate_per_second: 1.0, cap: 1 }, opens_in).await;
    let gateway = world.gateway().await;
    let mut crowd = gateway.listeners(&world, 3).await;
    let opens_at = world.stats().await.control.opens_at().unwrap();
    for (_, stream) in &mut crowd {
        assert_eq!(stream.hear()[0].data["opens_at"], json!(opens_at));
    }
    let earlier = opens_at - Duration::from_mins(5);
    world.order(ControlChange { opens_at: Some(Some(earlier)), ..ControlChange::default() }).await;
    world.tick().await;
    for (_, stream) in &mut crowd {
        let heard = stream.hear();
        let [event] = &heard[..] else { panic!("one event, and no position that is no news: {heard:?}") };
        assert_eq!((event.name.as_str(), &event.data["state"]), ("position", &json!("pre_queue")));
        assert_eq!((&event.data["opens_at"], &event.data["position"]), (&json!(earlier), &json!(null)));
    }
    world.tick().await;
    assert_eq!(crowd[0].1.names(), [""; 0], "once");
}

#[tokio::test(start_paused = true)]
async fn streams_say_when_nobody_can_join_any_more() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let mut crowd = gateway.listeners(&world, 1).await;
    let stream = &mut crowd[0].1;
    assert_eq!(stream.hear()[1].data["draining"], json!(false));
    let now = world.stats().await.now;
    for drains_at in [Some(now), None] {
        world.order(ControlChange { drains_at: Some(drains_at), ..ControlChange::default() }).await;
        world.tick().await;
        let event = stream.hear().remove(0);
        assert_eq!((event.name.as_str(), &event.data["draining"]), ("resumed", &json!(drains_at.is_some())));
    }
}

#[tokio::test(start_paused = true)]
async fn streams_say_while_the_line_is_given_back_that_it_stands_still() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let mut crowd = gateway.listeners(&world, 3).await;
    let stream = &mut crowd[2].1;
    stream.hear();
    world.tick().await;
    world.store.empty();
    world.tick().await;
    world.tick().await;
    let event = stream.hear().remove(0);
    assert_eq!((event.name.as_str(), &event.data["rejoining"]), ("resumed", &json!(true)));
    world.until_whole().await;
    assert_eq!(stream.hear().remove(0).data["rejoining"], json!(false));
    assert!(!stream.ended);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_is_told_on_all_their_streams() {
    let world = World::new(AdmissionLimits { rate_per_second: 1.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(5).await;
    let mut tabs = [gateway.stream(crowd[3]).await, gateway.stream(crowd[3]).await];
    world.leave(crowd[3]).await;
    world.tick().await;
    for tab in &mut tabs {
        let last = tab.hear().pop().unwrap();
        assert_eq!((last.name.as_str(), last.data["state"].as_str()), ("closed", Some("left")));
        assert_eq!(last.data["reason"], "left");
        assert!(tab.ended);
    }
    let mut late = gateway.stream(crowd[3]).await;
    assert_eq!(late.names(), ["closed", "ping"]);
    assert!(late.ended);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_admitted_unseen_learns_it_when_they_connect() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    let visitor = world.ghost().await;
    let unseen = world.standing(visitor).await;
    gateway.poll(visitor).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut late = gateway.stream(visitor).await;
    assert_eq!(late.names(), ["admitted", "ping"]);
    assert!(late.ended);
    // The same when the admission falls between the engine's word and the opening.
    let mut raced = gateway.listen(visitor, unseen).unwrap();
    world.tick().await;
    assert_eq!(raced.names().last().map(String::as_str), Some("admitted"));
    assert!(raced.ended);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_pinged_even_while_the_store_is_away() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    let mut stream = gateway.stream(world.ghost().await).await;
    stream.hear();
    world.store.set_away(true);
    let mut pings = 0;
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        pings += stream.names().iter().filter(|name| *name == "ping").count();
    }
    assert!((7..=8).contains(&pings), "{pings} pings in two minutes");
}
