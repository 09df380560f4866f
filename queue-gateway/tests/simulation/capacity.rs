//! Bounds of the streams, and its end.

use std::time::Duration;

use queue_gateway::{
    line::AdmissionLimits,
    streams::{StreamLimits, StreamsFull},
};

use crate::world::World;

const LIMITS: StreamLimits =
    StreamLimits { max_streams: 20, longest: Duration::from_mins(30), drain: Duration::from_secs(10) };

#[tokio::test(start_paused = true)]
async fn streams_are_bounded_and_a_closed_one_makes_room() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway_with(LIMITS).await;
    let crowd = world.crowd(21).await;
    let mut streams = Vec::new();
    for visitor in &crowd[..20] {
        streams.push(gateway.stream(&world, *visitor).await);
    }
    let standing = world.standing(crowd[20].id).await;
    assert!(matches!(gateway.listen(crowd[20].id, standing), Err(StreamsFull)));
    streams.pop();
    assert!(gateway.listen(crowd[20].id, standing).is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_visitor_cannot_take_all_the_room() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway_with(LIMITS).await;
    let visitor = world.crowd(2).await[1];
    let standing = world.standing(visitor.id).await;
    let tabs: Vec<_> = (0..4).map(|_| gateway.listen(visitor.id, standing).unwrap()).collect();
    assert!(matches!(gateway.listen(visitor.id, standing), Err(StreamsFull)));
    drop(tabs);
    assert!(gateway.listen(visitor.id, standing).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_opened_anew_before_its_token_runs_out() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway_with(LIMITS).await;
    let visitor = world.crowd(2).await[1];
    let mut stream = gateway.stream(&world, visitor).await;
    for _ in 0..14 {
        tokio::time::sleep(Duration::from_mins(1)).await;
        stream.hear();
        assert!(!stream.ended);
    }
    for _ in 0..17 {
        tokio::time::sleep(Duration::from_mins(1)).await;
        stream.hear();
    }
    assert!(stream.ended);
    assert!(!gateway.stream(&world, visitor).await.hear().is_empty(), "the room is free again");
}

#[tokio::test(start_paused = true)]
async fn at_shutdown_streams_end_one_after_the_other_with_a_longer_retry() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.crowd(401).await;
    let mut streams = Vec::new();
    for visitor in &crowd[1..] {
        streams.push(gateway.stream(&world, *visitor).await);
    }
    for stream in &mut streams {
        stream.hear();
    }
    gateway.shutdown.cancel();
    let mut ended = Vec::new();
    for _ in 0..11 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut now = 0;
        streams.retain_mut(|stream| {
            let events = stream.hear();
            if stream.ended {
                now += 1;
                assert!((5_000..20_000).contains(&events.last().unwrap().retry_ms.unwrap()));
            }
            !stream.ended
        });
        ended.push(now);
    }
    assert!(streams.is_empty(), "{ended:?}");
    assert!(ended[..10].iter().all(|now| (20..=60).contains(now)), "{ended:?}");
    let standing = world.standing(crowd[1].id).await;
    assert!(matches!(gateway.listen(crowd[1].id, standing), Err(StreamsFull)), "a stopping gateway takes nobody in");
}
