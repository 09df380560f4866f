//! Ending what ran out of time.

use std::time::Duration;

use ticketing_api::booking::{hold::HoldState, reservation::ReservationState, seat::SeatState};

use crate::world::{HOLD, World, numbers};

on_both_databases! {
    a_sweep_ends_what_is_over_and_nothing_else
    a_sweep_ends_no_more_than_asked_for_the_oldest_first
    a_sweep_leaves_a_seat_to_whoever_took_it_over
}

async fn a_sweep_ends_what_is_over_and_nothing_else(world: &World) {
    let (performance, buyer, other) = (world.sale(9).await, world.buyer(10_000).await, world.buyer(10_000).await);
    let hold = world.hold(buyer, performance.id, &[1]).await;
    let unpaid = world.reserve(buyer, performance.id, &[2, 3]).await;
    let paid = world.reserve(other, performance.id, &[4]).await;
    world.pay(other, paid.id).await;
    world.clock.advance(Duration::from_micros(1));
    world.hold(buyer, performance.id, &[5]).await;
    let deadline = hold.expires_at;
    let early = world.store.sweep(deadline - Duration::from_micros(1), 10).await.unwrap();
    assert_eq!((early.holds.len(), early.reservations.len()), (0, 0));
    let swept = world.store.sweep(deadline, 10).await.unwrap();
    assert_eq!((swept.holds.len(), swept.reservations.len()), (1, 1));
    assert_eq!((swept.holds[0].id, swept.holds[0].state), (hold.id, HoldState::Expired));
    assert_eq!(swept.holds[0].seats, numbers(&[1]));
    let reservation = &swept.reservations[0];
    assert_eq!((reservation.id, reservation.state), (unpaid.id, ReservationState::Expired));
    assert_eq!(reservation.seats.iter().map(|seat| seat.number).collect::<Vec<_>>(), numbers(&[2, 3]));
    assert_eq!(world.auditor.count("SELECT count(*) FROM seat_claims").await, 2, "one sold, one held");
    let again = world.store.sweep(deadline, 10).await.unwrap();
    assert_eq!((again.holds.len(), again.reservations.len()), (0, 0));
    assert_eq!(world.seats(performance.id, SeatState::Sold).await, [4]);
}

async fn a_sweep_ends_no_more_than_asked_for_the_oldest_first(world: &World) {
    let performance = world.sale(9).await;
    let mut holds = Vec::new();
    for seat in 1..=9 {
        world.clock.advance(Duration::from_secs(1));
        holds.push(world.hold(world.buyer(0).await, performance.id, &[seat]).await.id);
    }
    world.clock.advance(HOLD);
    let first = world.store.sweep(world.now(), 5).await.unwrap();
    let second = world.store.sweep(world.now(), 5).await.unwrap();
    let swept: Vec<_> = first.holds.iter().chain(&second.holds).map(|hold| hold.id).collect();
    assert_eq!((first.holds.len(), swept), (5, holds));
}

async fn a_sweep_leaves_a_seat_to_whoever_took_it_over(world: &World) {
    let (performance, first, second) = (world.sale(5).await, world.buyer(0).await, world.buyer(0).await);
    world.reserve(first, performance.id, &[1, 2]).await;
    world.clock.advance(HOLD);
    world.hold(second, performance.id, &[2, 3]).await;
    assert_eq!(world.store.sweep(world.now(), 10).await.unwrap().reservations.len(), 1);
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [2, 3]);
}
