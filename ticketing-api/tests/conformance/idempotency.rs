//! One key, one effect.

use ticketing_api::{
    booking::{hold::HoldOutcome, payment::PaymentOutcome, reservation::ReserveOutcome, seat::SeatState},
    store::{IdempotencyKey, Once, PageRequest},
};

use crate::world::{HOLD, PRICE, World, done, numbers};

on_both_databases! {
    a_repeated_call_gives_the_first_reply_word_for_word
    a_refusal_is_repeated_too_even_when_it_would_now_succeed
    a_refusal_that_undid_something_is_recorded
    a_concert_is_created_once_for_its_key
    a_key_with_another_request_is_refused
    keys_of_different_members_never_meet
    a_forgotten_key_is_free_again
}

async fn a_repeated_call_gives_the_first_reply_word_for_word(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(10_000).await);
    let (hold_key, reserve_key, pay_key) = (world.key(buyer), world.key(buyer), world.key(buyer));
    let hold = world.new_hold(buyer, performance.id, &[1, 2]);
    let first = done(world.store.hold(hold.clone(), Some(&hold_key)).await.unwrap());
    // A client that repeats does not know the ids that the server made: they differ, and do not matter.
    let again = world.store.hold(world.new_hold(buyer, performance.id, &[1, 2]), Some(&hold_key)).await.unwrap();
    assert_eq!(again, Once::Replayed(first));

    let first = done(world.store.reserve(world.new_reservation(buyer, hold.id), Some(&reserve_key)).await.unwrap());
    let again = world.store.reserve(world.new_reservation(buyer, hold.id), Some(&reserve_key)).await.unwrap();
    assert_eq!(again, Once::Replayed(first.clone()));
    let ReserveOutcome::Reserved(reservation) = first else { panic!() };

    let first = done(world.store.pay(world.new_payment(buyer, reservation.id), &pay_key).await.unwrap());
    world.clock.advance(HOLD);
    let again = world.store.pay(world.new_payment(buyer, reservation.id), &pay_key).await.unwrap();
    assert_eq!(again, Once::Replayed(first));
    assert_eq!(world.balance(buyer).await, 10_000 - 2 * PRICE);

    let charge_key = world.key(buyer);
    let first = done(world.store.charge(world.new_charge(buyer, 5), &charge_key).await.unwrap());
    let again = world.store.charge(world.new_charge(buyer, 5), &charge_key).await.unwrap();
    assert_eq!(again, Once::Replayed(first));
    assert_eq!(world.balance(buyer).await, 10_005 - 2 * PRICE);
}

async fn a_refusal_is_repeated_too_even_when_it_would_now_succeed(world: &World) {
    let (performance, first, second) = (world.sale(5).await, world.buyer(0).await, world.buyer(0).await);
    let hold = world.hold(first, performance.id, &[1]).await;
    let key = world.key(second);
    let refused = done(world.store.hold(world.new_hold(second, performance.id, &[1]), Some(&key)).await.unwrap());
    assert_eq!(refused, HoldOutcome::SeatsTaken(numbers(&[1])));
    world.store.release_hold(hold.id, first.member, world.now()).await.unwrap();
    let again = world.store.hold(world.new_hold(second, performance.id, &[1]), Some(&key)).await.unwrap();
    assert_eq!(again, Once::Replayed(refused));
    world.hold(second, performance.id, &[1]).await;
}

async fn a_refusal_that_undid_something_is_recorded(world: &World) {
    let (performance, buyer) = (world.sale(9).await, world.buyer(0).await);
    world.hold(buyer, performance.id, &[1, 2, 3]).await;
    let key = world.key(buyer);
    let too_many = HoldOutcome::TooManySeats { limit: 4 };
    let refused = done(world.store.hold(world.new_hold(buyer, performance.id, &[4, 5]), Some(&key)).await.unwrap());
    assert_eq!(refused, too_many);
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [1, 2, 3]);
    let again = world.store.hold(world.new_hold(buyer, performance.id, &[4, 5]), Some(&key)).await.unwrap();
    assert_eq!(again, Once::Replayed(too_many));
}

async fn a_concert_is_created_once_for_its_key(world: &World) {
    let key = world.key(world.buyer(0).await);
    let first = done(world.store.create_concert_once(world.new_concert(3), &key).await.unwrap());
    let again = world.store.create_concert_once(world.new_concert(3), &key).await.unwrap();
    assert_eq!(again, Once::Replayed(first));
    assert_eq!(world.store.concerts(PageRequest { page: 0, size: 10 }).await.unwrap().total, 1);
}

async fn a_key_with_another_request_is_refused(world: &World) {
    let buyer = world.buyer(0).await;
    let key = world.key(buyer);
    done(world.store.charge(world.new_charge(buyer, 5), &key).await.unwrap());
    let other = IdempotencyKey { fingerprint: [8; 32], ..key };
    assert_eq!(world.store.charge(world.new_charge(buyer, 6), &other).await.unwrap(), Once::KeyReused);
    assert_eq!(world.balance(buyer).await, 5);
}

async fn keys_of_different_members_never_meet(world: &World) {
    let (ann, bob) = (world.buyer(0).await, world.buyer(0).await);
    let key = world.key(ann);
    done(world.store.charge(world.new_charge(ann, 5), &key).await.unwrap());
    let same = IdempotencyKey { member: bob.member, ..key };
    done(world.store.charge(world.new_charge(bob, 6), &same).await.unwrap());
    assert_eq!((world.balance(ann).await, world.balance(bob).await), (5, 6));
}

async fn a_forgotten_key_is_free_again(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(10_000).await);
    let reservation = world.reserve(buyer, performance.id, &[1]).await;
    let key = world.key(buyer);
    done(world.store.pay(world.new_payment(buyer, reservation.id), &key).await.unwrap());
    assert_eq!(world.store.forget(world.now(), 10).await.unwrap(), 0, "nothing has ended before now");
    let later = world.now() + HOLD;
    assert_eq!(world.store.forget(later, 1).await.unwrap(), 1, "no more of each than asked for");
    assert_eq!(world.store.forget(later, 10).await.unwrap(), 1, "the keys of the charge and of the payment");
    // The payment's own guards hold without the key.
    let again = done(world.store.pay(world.new_payment(buyer, reservation.id), &key).await.unwrap());
    assert!(matches!(again, PaymentOutcome::NotAwaitingPayment { .. }));
}
