//! Turning holds into reservations, and reading those.

use std::time::Duration;

use ticketing_api::{
    booking::{
        hold::HoldId,
        payment::PaymentOutcome,
        reservation::{ReservationId, ReservationState, ReserveOutcome},
        seat::SeatState,
    },
    store::PageRequest,
};

use crate::world::{HOLD, PRICE, World, done, nobody, won};

on_both_databases! {
    a_hold_becomes_a_reservation_with_its_deadline_and_prices
    a_hold_is_reserved_once_by_its_owner
    an_expired_hold_is_not_reserved
    a_hold_whose_seat_passed_to_another_is_not_reserved
    a_reservation_needs_the_right_queue_and_an_unconsumed_token
    reservations_are_listed_newest_first_as_they_stand
}

async fn a_hold_becomes_a_reservation_with_its_deadline_and_prices(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(0).await);
    let hold = world.hold(buyer, performance.id, &[3, 1]).await;
    world.clock.advance(Duration::from_mins(1));
    let ReserveOutcome::Reserved(reservation) = world.try_reserve(buyer, hold.id).await else { panic!() };
    assert_eq!((reservation.hold, reservation.member), (hold.id, buyer.member));
    assert_eq!((reservation.performance, reservation.amount), (performance.id, won(2 * PRICE)));
    assert_eq!((reservation.expires_at, reservation.created_at), (hold.expires_at, world.now()));
    let seats: Vec<_> = reservation.seats.iter().map(|s| (s.number.0, s.grade.as_str(), s.price.amount)).collect();
    assert_eq!(seats, [(1, "VIP", PRICE), (3, "R", PRICE)]);
    assert_eq!(world.store.reservation(reservation.id, world.now()).await.unwrap(), Some(reservation));
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [1, 3]);
}

async fn a_hold_is_reserved_once_by_its_owner(world: &World) {
    let (performance, owner, other) = (world.sale(5).await, world.buyer(0).await, world.buyer(0).await);
    let hold = world.hold(owner, performance.id, &[1]).await;
    assert_eq!(world.try_reserve(owner, HoldId(nobody())).await, ReserveOutcome::HoldUnknown);
    assert_eq!(world.try_reserve(other, hold.id).await, ReserveOutcome::NotYours);
    assert!(matches!(world.try_reserve(owner, hold.id).await, ReserveOutcome::Reserved(_)));
    assert_eq!(world.try_reserve(owner, hold.id).await, ReserveOutcome::AlreadyReserved);
}

async fn an_expired_hold_is_not_reserved(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(0).await);
    let hold = world.hold(buyer, performance.id, &[1]).await;
    world.clock.advance(HOLD);
    assert_eq!(world.try_reserve(buyer, hold.id).await, ReserveOutcome::HoldExpired);
    let given_up = world.hold(buyer, performance.id, &[2]).await;
    world.store.release_hold(given_up.id, buyer.member, world.now()).await.unwrap();
    assert_eq!(world.try_reserve(buyer, given_up.id).await, ReserveOutcome::HoldExpired);
}

async fn a_hold_whose_seat_passed_to_another_is_not_reserved(world: &World) {
    let (performance, slow, fast) = (world.sale(5).await, world.buyer(0).await, world.buyer(0).await);
    let hold = world.hold(slow, performance.id, &[1, 2]).await;
    let late = world.new_reservation(slow, hold.id);
    world.clock.advance(HOLD);
    world.hold(fast, performance.id, &[2]).await;
    // By a clock that is behind, the hold would still live.
    assert_eq!(done(world.store.reserve(late, None).await.unwrap()), ReserveOutcome::HoldExpired);
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [2]);
}

async fn a_reservation_needs_the_right_queue_and_an_unconsumed_token(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(10_000).await);
    let (first, second) =
        (world.hold(buyer, performance.id, &[1]).await, world.hold(buyer, performance.id, &[2]).await);
    let mut elsewhere = world.new_reservation(buyer, first.id);
    elsewhere.queue = "other".parse().unwrap();
    assert_eq!(done(world.store.reserve(elsewhere, None).await.unwrap()), ReserveOutcome::WrongQueue);
    let ReserveOutcome::Reserved(reservation) = world.try_reserve(buyer, first.id).await else { panic!() };
    assert!(matches!(world.pay(buyer, reservation.id).await, PaymentOutcome::Completed(_)));
    assert_eq!(world.try_reserve(buyer, second.id).await, ReserveOutcome::TokenConsumed);
}

async fn reservations_are_listed_newest_first_as_they_stand(world: &World) {
    let (performance, buyer, other) = (world.sale(9).await, world.buyer(10_000).await, world.buyer(0).await);
    let paid = world.reserve(buyer, performance.id, &[1, 2]).await;
    world.pay(buyer, paid.id).await;
    let buyer = crate::world::Buyer { token: other.token, ..buyer };
    world.clock.advance(Duration::from_secs(1));
    let unpaid = world.reserve(buyer, performance.id, &[3]).await;
    world.clock.advance(HOLD);
    let open = world.reserve(buyer, performance.id, &[4]).await;

    let page = |page| world.store.reservations(buyer.member, PageRequest { page, size: 2 }, world.now());
    let (first, second) = (page(0).await.unwrap(), page(1).await.unwrap());
    let listed: Vec<_> = first.items.iter().chain(&second.items).map(|r| (r.id, r.state)).collect();
    assert_eq!(
        listed,
        [
            (open.id, ReservationState::AwaitingPayment),
            (unpaid.id, ReservationState::Expired),
            (paid.id, ReservationState::Confirmed)
        ]
    );
    assert_eq!((first.total, second.total), (3, 3));
    let tickets: Vec<_> = second.items[0].tickets.iter().map(|ticket| ticket.seat.0).collect();
    assert_eq!(tickets, [1, 2]);
    let none = world.store.reservations(other.member, PageRequest { page: 0, size: 2 }, world.now()).await.unwrap();
    assert_eq!((none.items.len(), none.total), (0, 0));
    assert_eq!(world.store.reservation(ReservationId(nobody()), world.now()).await.unwrap(), None);
}
