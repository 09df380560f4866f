//! Bounds of the streams.

use std::time::Duration;

use queue_gateway::{
    line::AdmissionLimits,
    streams::{StreamLimits, StreamsFull},
};

use crate::world::World;

const LIMITS: StreamLimits = StreamLimits {
    max_streams: 20,
    max_per_network: 20,
    longest: Duration::from_mins(30),
    drain: Duration::from_secs(10),
};

#[tokio::test(start_paused = true)]
async fn streams_are_bounded_and_a_closed_one_makes_room() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway_with(LIMITS).await;
    let mut streams = gateway.listeners(&world, 20).await;
    let late = world.ghost().await;
    let standing = world.standing(late).await;
    assert!(matches!(gateway.listen(late, standing), Err(StreamsFull)));
    streams.pop();
    assert!(gateway.listen(late, standing).is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_visitor_cannot_take_all_the_room() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway_with(LIMITS).await;
    let visitor = world.ghost().await;
    let standing = world.standing(visitor).await;
    let tabs: Vec<_> = (0..4).map(|_| gateway.listen(visitor, standing).unwrap()).collect();
    assert!(matches!(gateway.listen(visitor, standing), Err(StreamsFull)));
    drop(tabs);
    assert!(gateway.listen(visitor, standing).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_opened_anew_before_its_token_runs_out() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway_with(LIMITS).await;
    let visitor = world.ghost().await;
    let mut stream = gateway.stream(visitor).await;
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
    assert!(!gateway.stream(visitor).await.hear().is_empty(), "the room is free again");
}
