//! Holding seats and giving them up.

use std::time::Duration;

use jiff::Timestamp;
use ticketing_api::booking::{
    concert::PerformanceId,
    hold::{HoldId, HoldOutcome, HoldState, ReleaseOutcome},
    payment::PaymentOutcome,
    seat::SeatState,
};

use crate::world::{ALMOST, HOLD, World, done, nobody, numbers};

on_both_databases! {
    a_hold_is_visible_to_others_at_once
    taken_seats_refuse_the_whole_hold
    unknown_and_blocked_seats_are_named
    a_hold_needs_an_open_sale_and_the_right_queue
    a_consumed_token_holds_nothing
    a_member_has_no_more_seats_than_he_may
    an_expired_hold_is_taken_over_at_its_deadline_without_a_sweep
    a_taken_over_seat_is_not_freed_by_its_former_holder
    a_hold_is_given_up_by_its_owner_alone
}

async fn a_hold_is_visible_to_others_at_once(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(0).await);
    let new = world.new_hold(buyer, performance.id, &[4, 2]);
    let HoldOutcome::Held(hold) = done(world.store.hold(new.clone(), None).await.unwrap()) else { panic!() };
    assert_eq!(
        (hold.id, hold.performance, hold.member, hold.token),
        (new.id, performance.id, buyer.member, buyer.token)
    );
    assert_eq!((hold.seats, hold.expires_at, hold.state), (numbers(&[2, 4]), new.expires_at, HoldState::Held));
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [2, 4]);
    assert_eq!(world.seats(performance.id, SeatState::Available).await, [1, 3, 5]);
}

async fn taken_seats_refuse_the_whole_hold(world: &World) {
    let (performance, first, second) = (world.sale(5).await, world.buyer(0).await, world.buyer(0).await);
    world.hold(first, performance.id, &[2, 4]).await;
    let refused = world.try_hold(second, performance.id, &[1, 2, 3, 4]).await;
    assert_eq!(refused, HoldOutcome::SeatsTaken(numbers(&[2, 4])));
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [2, 4], "no partial hold");
    let again = world.try_hold(first, performance.id, &[2]).await;
    assert_eq!(again, HoldOutcome::SeatsTaken(numbers(&[2])), "not even by himself");
}

async fn unknown_and_blocked_seats_are_named(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(0).await);
    let refused = world.try_hold(buyer, performance.id, &[5, 6, 7]).await;
    assert_eq!(refused, HoldOutcome::UnknownSeats(numbers(&[6, 7])));
    let refused = world.try_hold(buyer, performance.id, &[100_001]).await;
    assert_eq!(refused, HoldOutcome::UnknownSeats(numbers(&[100_001])));
    world.auditor.execute("UPDATE seats SET blocked = TRUE WHERE number = 3").await;
    let refused = world.try_hold(buyer, performance.id, &[2, 3]).await;
    assert_eq!(refused, HoldOutcome::SeatsBlocked(numbers(&[3])));
    assert_eq!(world.seats(performance.id, SeatState::Blocked).await, [3]);
    assert_eq!(world.seats(performance.id, SeatState::Available).await, [1, 2, 4, 5]);
    let refused = world.try_hold(buyer, PerformanceId(nobody()), &[1]).await;
    assert_eq!(refused, HoldOutcome::PerformanceUnknown);
}

async fn a_hold_needs_an_open_sale_and_the_right_queue(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(0).await);
    let at = async |now: Timestamp| {
        let mut hold = world.new_hold(buyer, performance.id, &[1]);
        (hold.now, hold.expires_at) = (now, now + HOLD);
        done(world.store.hold(hold, None).await.unwrap())
    };
    let microsecond = Duration::from_micros(1);
    assert_eq!(at(performance.sale_opens_at - microsecond).await, HoldOutcome::SaleNotOpen);
    assert_eq!(at(performance.sale_closes_at).await, HoldOutcome::SaleClosed);
    assert!(matches!(at(performance.sale_closes_at - microsecond).await, HoldOutcome::Held(_)));
    let mut elsewhere = world.new_hold(buyer, performance.id, &[2]);
    elsewhere.queue = "other".parse().unwrap();
    assert_eq!(done(world.store.hold(elsewhere, None).await.unwrap()), HoldOutcome::WrongQueue);
}

async fn a_consumed_token_holds_nothing(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(10_000).await);
    let reservation = world.reserve(buyer, performance.id, &[1]).await;
    assert!(matches!(world.pay(buyer, reservation.id).await, PaymentOutcome::Completed(_)));
    assert_eq!(world.try_hold(buyer, performance.id, &[2]).await, HoldOutcome::TokenConsumed);
}

async fn a_member_has_no_more_seats_than_he_may(world: &World) {
    let (performance, other) = (world.sale(9).await, world.sale(9).await);
    let buyer = world.buyer(10_000).await;
    let refused = HoldOutcome::TooManySeats { limit: 4 };
    assert_eq!(world.try_hold(buyer, performance.id, &[1, 2, 3, 4, 5]).await, refused);
    let reservation = world.reserve(buyer, performance.id, &[1, 2]).await;
    world.hold(buyer, performance.id, &[3]).await;
    assert_eq!(world.try_hold(buyer, performance.id, &[4, 5]).await, refused);
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [1, 2, 3], "nothing is left of a refused hold");
    world.hold(buyer, other.id, &[1, 2, 3, 4]).await;
    world.pay(buyer, reservation.id).await;
    world.clock.advance(HOLD);
    // Two are bought and stay theirs; the third has run out.
    let returning = crate::world::Buyer { token: world.buyer(0).await.token, ..buyer };
    assert_eq!(world.try_hold(returning, performance.id, &[3, 4, 5]).await, refused);
    world.hold(returning, performance.id, &[3, 4]).await;
}

async fn an_expired_hold_is_taken_over_at_its_deadline_without_a_sweep(world: &World) {
    let (performance, first, second) = (world.sale(5).await, world.buyer(0).await, world.buyer(0).await);
    world.hold(first, performance.id, &[1, 2]).await;
    world.clock.advance(ALMOST);
    assert_eq!(world.try_hold(second, performance.id, &[2, 3]).await, HoldOutcome::SeatsTaken(numbers(&[2])));
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.seats(performance.id, SeatState::Available).await, [1, 2, 3, 4, 5]);
    world.hold(second, performance.id, &[2, 3]).await;
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [2, 3]);
}

async fn a_taken_over_seat_is_not_freed_by_its_former_holder(world: &World) {
    let (performance, first, second) = (world.sale(5).await, world.buyer(0).await, world.buyer(0).await);
    let hold = world.hold(first, performance.id, &[1, 2]).await;
    let before = world.now();
    world.clock.advance(HOLD);
    world.hold(second, performance.id, &[2]).await;
    // An instance whose clock is behind still finds the first hold alive.
    let released = world.store.release_hold(hold.id, first.member, before).await.unwrap();
    assert!(matches!(released, ReleaseOutcome::Released(_)));
    world.store.sweep(world.now(), 10).await.unwrap();
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [2]);
}

async fn a_hold_is_given_up_by_its_owner_alone(world: &World) {
    let (performance, owner, other) = (world.sale(5).await, world.buyer(0).await, world.buyer(0).await);
    let release = async |id, member| world.store.release_hold(id, member, world.now()).await.unwrap();
    let hold = world.hold(owner, performance.id, &[1, 2]).await;
    assert_eq!(release(HoldId(nobody()), owner.member).await, ReleaseOutcome::HoldUnknown);
    assert_eq!(release(hold.id, other.member).await, ReleaseOutcome::NotYours);
    let ReleaseOutcome::Released(released) = release(hold.id, owner.member).await else { panic!() };
    assert_eq!((released.seats, released.state), (numbers(&[1, 2]), HoldState::Released));
    assert!(world.seats(performance.id, SeatState::Held).await.is_empty());
    world.hold(other, performance.id, &[1, 2]).await;
    assert!(matches!(release(hold.id, owner.member).await, ReleaseOutcome::Released(_)), "twice is once");
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [1, 2], "what the other holds now stays");

    let reservation = world.reserve(owner, performance.id, &[3]).await;
    assert_eq!(release(reservation.hold, owner.member).await, ReleaseOutcome::AlreadyReserved);
    let expiring = world.hold(owner, performance.id, &[4]).await;
    world.clock.advance(HOLD);
    assert_eq!(release(expiring.id, owner.member).await, ReleaseOutcome::HoldExpired);
}
