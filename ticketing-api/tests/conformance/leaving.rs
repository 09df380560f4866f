//! Giving a turn back.

use std::time::Duration;

use contract::ids::ActiveTokenId;
use ticketing_api::{
    booking::{
        hold::{HoldOutcome, HoldState, ReleaseOutcome},
        leaving::{GivenBack, LeaveRefusal, TokenEnd},
        payment::PaymentOutcome,
        reservation::{ReservationState, ReserveOutcome},
        seat::SeatState,
    },
    store::{OutboxEvent, TokenState},
};

use crate::world::{Buyer, HOLD, PRICE, TURN, World, queue};

on_both_databases! {
    leaving_frees_what_was_held_and_reserved_and_tells_the_gateway
    after_leaving_nothing_is_held_reserved_or_paid
    leaving_twice_is_leaving_once
    leaving_after_paying_changes_nothing
    only_the_holder_gives_a_claimed_turn_back
    what_ran_out_before_the_leaving_is_left_to_the_sweep
    what_another_turn_of_the_member_reserved_is_kept
    that_somebody_left_is_remembered_until_the_token_has_expired
}

async fn leaving_frees_what_was_held_and_reserved_and_tells_the_gateway(world: &World) {
    let (performance, buyer, other) = (world.sale(9).await.id, world.buyer(10_000).await, world.buyer(10_000).await);
    let hold = world.hold(buyer, performance, &[1, 2]).await;
    let reservation = world.reserve(buyer, performance, &[3]).await;
    let kept = world.hold(other, performance, &[4]).await;

    let GivenBack { holds, reservations } = world.leave(buyer).await.unwrap();
    assert_eq!(holds.iter().map(|hold| (hold.id, hold.state)).collect::<Vec<_>>(), [(hold.id, HoldState::Released)]);
    let cancelled: Vec<_> = reservations.iter().map(|cancelled| (cancelled.id, cancelled.state)).collect();
    assert_eq!(cancelled, [(reservation.id, ReservationState::Cancelled)]);
    assert_eq!(reservations[0].seats, reservation.seats);
    assert_eq!(world.seats(performance, SeatState::Held).await, [4]);
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Ended(TokenEnd::Left));

    let messages = world.store.due_messages(world.now(), world.now() + HOLD, 10).await.unwrap();
    let events: Vec<_> = messages.into_iter().map(|message| message.event).collect();
    assert_eq!(events, [OutboxEvent::ReleaseToken { token: buyer.token, queue: queue() }]);

    // At once somebody else has the seats, and whoever had other ones keeps them.
    world.hold(world.buyer(0).await, performance, &[1, 2, 3]).await;
    assert!(matches!(world.try_reserve(other, kept.id).await, ReserveOutcome::Reserved(_)));
}

async fn after_leaving_nothing_is_held_reserved_or_paid(world: &World) {
    let (performance, buyer) = (world.sale(9).await.id, world.buyer(10_000).await);
    let hold = world.hold(buyer, performance, &[1]).await;
    let reservation = world.reserve(buyer, performance, &[2]).await;
    world.leave(buyer).await.unwrap();

    assert_eq!(world.try_hold(buyer, performance, &[3]).await, HoldOutcome::TokenLeft);
    assert_eq!(world.try_reserve(buyer, hold.id).await, ReserveOutcome::TokenLeft);
    assert_eq!(world.pay(buyer, reservation.id).await, PaymentOutcome::TokenLeft);
    let released = world.store.release_hold(hold.id, buyer.member, world.now()).await.unwrap();
    assert!(matches!(released, ReleaseOutcome::Released(_)), "{released:?}");
    assert_eq!(world.balance(buyer).await, 10_000);

    // With another turn they buy again, but not what they gave back.
    let readmitted = Buyer { token: ActiveTokenId::generate(&world.clock), ..buyer };
    let cancelled = PaymentOutcome::NotAwaitingPayment { state: ReservationState::Cancelled };
    assert_eq!(world.pay(readmitted, reservation.id).await, cancelled);
    assert_eq!(world.try_reserve(readmitted, hold.id).await, ReserveOutcome::HoldExpired);
    let again = world.reserve(readmitted, performance, &[1]).await;
    assert!(matches!(world.pay(readmitted, again.id).await, PaymentOutcome::Completed(_)));
}

async fn leaving_twice_is_leaving_once(world: &World) {
    let (performance, buyer) = (world.sale(5).await.id, world.buyer(0).await);
    world.hold(buyer, performance, &[1]).await;
    assert_eq!(world.leave(buyer).await.unwrap().holds.len(), 1);
    assert_eq!(world.leave(buyer).await, Ok(GivenBack::default()));
    assert_eq!(world.auditor.count("SELECT count(*) FROM outbox").await, 1);
}

async fn leaving_after_paying_changes_nothing(world: &World) {
    let (performance, buyer) = (world.sale(5).await.id, world.buyer(10_000).await);
    let reservation = world.reserve(buyer, performance, &[1]).await;
    assert!(matches!(world.pay(buyer, reservation.id).await, PaymentOutcome::Completed(_)));
    assert_eq!(world.leave(buyer).await, Ok(GivenBack::default()));
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Ended(TokenEnd::Paid));
    assert_eq!(world.seats(performance, SeatState::Sold).await, [1]);
    assert_eq!(world.balance(buyer).await, 10_000 - PRICE);
}

async fn only_the_holder_gives_a_claimed_turn_back(world: &World) {
    let (performance, buyer, other) = (world.sale(5).await.id, world.buyer(0).await, world.buyer(0).await);
    world.record_claim(buyer, world.now() + TURN).await;
    world.hold(buyer, performance, &[1]).await;

    let leave = world.new_leave(buyer);
    for (member, refusal) in [(Some(other.member), LeaveRefusal::HeldByAnother), (None, LeaveRefusal::NotLoggedIn)] {
        let mut stranger = leave.clone();
        stranger.member = member;
        assert_eq!(world.store.leave(stranger).await.unwrap(), Err(refusal));
    }
    assert_eq!(world.seats(performance, SeatState::Held).await, [1]);
    assert_eq!(world.store.leave(leave).await.unwrap().unwrap().holds.len(), 1);

    // Nobody's token is given back by whoever has it.
    let mut nobody = world.new_leave(other);
    nobody.member = None;
    assert_eq!(world.store.leave(nobody).await.unwrap(), Ok(GivenBack::default()));
    assert_eq!(world.try_hold(other, performance, &[2]).await, HoldOutcome::TokenLeft);
}

async fn what_ran_out_before_the_leaving_is_left_to_the_sweep(world: &World) {
    let (performance, buyer, other) = (world.sale(5).await.id, world.buyer(0).await, world.buyer(0).await);
    world.hold(buyer, performance, &[1]).await;
    world.reserve(buyer, performance, &[2]).await;
    world.clock.advance(HOLD);
    world.hold(other, performance, &[1]).await;
    assert_eq!(world.leave(buyer).await, Ok(GivenBack::default()));
    assert_eq!(world.seats(performance, SeatState::Held).await, [1], "it is another's by now");
    let swept = world.store.sweep(world.now(), 10).await.unwrap();
    assert_eq!((swept.holds.len(), swept.reservations.len()), (1, 1));
}

async fn what_another_turn_of_the_member_reserved_is_kept(world: &World) {
    let (performance, buyer) = (world.sale(5).await.id, world.buyer(10_000).await);
    let hold = world.hold(buyer, performance, &[1]).await;
    let readmitted = Buyer { token: ActiveTokenId::generate(&world.clock), ..buyer };
    let ReserveOutcome::Reserved(reservation) = world.try_reserve(readmitted, hold.id).await else { panic!() };
    assert_eq!(world.leave(buyer).await, Ok(GivenBack::default()));
    assert!(matches!(world.pay(readmitted, reservation.id).await, PaymentOutcome::Completed(_)));
}

async fn that_somebody_left_is_remembered_until_the_token_has_expired(world: &World) {
    let buyer = world.buyer(0).await;
    let expires_at = world.new_leave(buyer).expires_at;
    world.leave(buyer).await.unwrap();
    world.store.forget(expires_at, 10).await.unwrap();
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Ended(TokenEnd::Left));
    world.store.forget(expires_at + Duration::from_micros(1), 10).await.unwrap();
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Unclaimed);
}
