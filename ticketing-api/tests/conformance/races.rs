//! Two parties at once, let go together by a barrier, over and over: each round ends in one of the allowed ways.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::Barrier;

use contract::ids::ActiveTokenId;
use ticketing_api::{
    booking::{
        hold::{HoldOutcome, ReleaseOutcome},
        payment::PaymentOutcome,
        reservation::{ReservationState, ReserveOutcome},
        seat::SeatState,
    },
    store::{Once, TicketStore},
};

use crate::world::{ALMOST, Buyer, HOLD, PRICE, World, done};

on_both_databases! {
    of_six_holds_with_a_seat_in_common_one_succeeds
    overlapping_holds_of_many_seats_neither_deadlock_nor_overlap
    one_member_cannot_exceed_his_limit_by_holding_twice_at_once
    payment_and_sweep_at_the_deadline_end_one_way
    two_payments_of_a_reservation_move_the_money_once
    two_payments_with_one_token_complete_once
    one_key_used_twice_at_once_has_one_effect
    reserving_and_giving_up_at_once_end_one_way
    reserving_and_sweeping_at_the_deadline_end_one_way
    leaving_and_paying_at_once_end_one_way
    leaving_and_holding_at_once_leave_nothing_held
    leaving_and_reserving_at_once_leave_nothing_reserved
    concurrent_charges_and_payments_lose_nothing
    five_concurrent_charges_all_count
    two_sign_ups_with_one_name_make_one_member
}

const ROUNDS: u32 = 12;

/// Runs the calls at the same time, each in a task of its own.
async fn at_once<T, F>(calls: Vec<F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(calls.len()));
    let tasks = calls.into_iter().map(|call| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            call.await
        })
    });
    let mut replies = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        replies.push(task.await.unwrap());
    }
    replies
}

/// Two different calls at the same time.
async fn both<L, R>(
    left: impl Future<Output = L> + Send + 'static,
    right: impl Future<Output = R> + Send + 'static,
) -> (L, R)
where
    L: Send + 'static,
    R: Send + 'static,
{
    let barrier = Arc::new(Barrier::new(2));
    let other = Arc::clone(&barrier);
    let left = tokio::spawn(async move {
        other.wait().await;
        left.await
    });
    barrier.wait().await;
    let right = tokio::spawn(right);
    (left.await.unwrap(), right.await.unwrap())
}

fn hold(
    world: &World,
    buyer: Buyer,
    performance: ticketing_api::booking::concert::PerformanceId,
    seats: &[u32],
) -> impl Future<Output = HoldOutcome> + Send + use<> {
    let (store, new) = (Arc::clone(&world.store), world.new_hold(buyer, performance, seats));
    async move { done(store.hold(new, None).await.unwrap()) }
}

async fn of_six_holds_with_a_seat_in_common_one_succeeds(world: &World) {
    for _ in 0..ROUNDS {
        let performance = world.sale(4).await.id;
        let mut holds = Vec::new();
        for wanted in [&[4][..], &[4], &[1, 2, 4], &[4], &[4], &[4]] {
            holds.push(hold(world, world.buyer(0).await, performance, wanted));
        }
        let outcomes = at_once(holds).await;
        let winners: Vec<_> = outcomes.iter().filter(|outcome| matches!(outcome, HoldOutcome::Held(_))).collect();
        let [HoldOutcome::Held(hold)] = winners[..] else { panic!("one succeeds: {outcomes:?}") };
        let seats: Vec<_> = hold.seats.iter().map(|seat| seat.0).collect();
        assert_eq!(world.seats(performance, SeatState::Held).await, seats, "no partial hold");
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, HoldOutcome::SeatsTaken(_))).count(), 5);
    }
}

async fn overlapping_holds_of_many_seats_neither_deadlock_nor_overlap(world: &World) {
    let performance = world.sale(8).await.id;
    for round in 0..ROUNDS {
        let mut holds = Vec::new();
        for first in 1..=8u32 {
            let seats: Vec<u32> = (0..3).map(|step| (first + step * (1 + round % 3)) % 8 + 1).collect();
            let mut distinct = seats.clone();
            distinct.sort_unstable();
            distinct.dedup();
            holds.push(hold(world, world.buyer(0).await, performance, &distinct));
        }
        let mut claimed = BTreeMap::new();
        for outcome in at_once(holds).await {
            match outcome {
                HoldOutcome::Held(hold) => {
                    for seat in hold.seats {
                        assert_eq!(claimed.insert(seat.0, hold.id), None, "seat {seat} is held twice");
                    }
                }
                HoldOutcome::SeatsTaken(seats) => assert!(!seats.is_empty()),
                other => panic!("{other:?}"),
            }
        }
        assert!(!claimed.is_empty());
        assert_eq!(world.seats(performance, SeatState::Held).await, claimed.into_keys().collect::<Vec<_>>());
        // The next round takes the expired claims over, which locks other rows than inserting them.
        world.clock.advance(HOLD);
    }
}

async fn one_member_cannot_exceed_his_limit_by_holding_twice_at_once(world: &World) {
    for _ in 0..ROUNDS {
        let (performance, buyer) = (world.sale(9).await.id, world.buyer(0).await);
        let holds = [[1, 2, 3], [4, 5, 6]].map(|seats| hold(world, buyer, performance, &seats));
        let outcomes = at_once(holds.into()).await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, HoldOutcome::Held(_))).count(), 1);
        assert_eq!(world.seats(performance, SeatState::Held).await.len(), 3);
    }
}

async fn payment_and_sweep_at_the_deadline_end_one_way(world: &World) {
    let mut paid = 0;
    for _ in 0..ROUNDS {
        let (performance, buyer) = (world.sale(3).await.id, world.buyer(10_000).await);
        let reservation = world.reserve(buyer, performance, &[1, 2, 3]).await;
        world.clock.advance(ALMOST);
        let (payment, key) = (world.new_payment(buyer, reservation.id), world.key(buyer));
        world.clock.advance(Duration::from_micros(1));
        let (payer, sweeper, now) = (Arc::clone(&world.store), Arc::clone(&world.store), world.now());
        let (outcome, swept) = both(async move { done(payer.pay(payment, &key).await.unwrap()) }, async move {
            sweeper.sweep(now, 10).await.unwrap()
        })
        .await;
        let swept = swept.reservations.len();
        let now = world.store.reservation(reservation.id, world.now()).await.unwrap().unwrap();
        match outcome {
            PaymentOutcome::Completed(_) => {
                paid += 1;
                assert_eq!((swept, now.state), (0, ReservationState::Confirmed));
                assert_eq!(world.seats(performance, SeatState::Sold).await.len(), 3);
                assert_eq!(world.balance(buyer).await, 10_000 - 3 * PRICE);
            }
            PaymentOutcome::Expired => {
                assert_eq!((swept, now.state), (1, ReservationState::Expired));
                assert_eq!(world.seats(performance, SeatState::Available).await.len(), 3);
                assert_eq!(world.balance(buyer).await, 10_000);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(paid <= ROUNDS);
}

async fn two_payments_of_a_reservation_move_the_money_once(world: &World) {
    for _ in 0..ROUNDS {
        let (performance, buyer) = (world.sale(2).await.id, world.buyer(10_000).await);
        let reservation = world.reserve(buyer, performance, &[1, 2]).await;
        let payments = (0..3).map(|_| {
            // Admitted anew each time: what refuses the second is the reservation, not the token.
            let buyer = Buyer { token: ActiveTokenId::generate(&world.clock), ..buyer };
            let (store, new) = (Arc::clone(&world.store), world.new_payment(buyer, reservation.id));
            let key = world.key(buyer);
            async move { done(store.pay(new, &key).await.unwrap()) }
        });
        let outcomes = at_once(payments.collect()).await;
        let completed = outcomes.iter().filter(|outcome| matches!(outcome, PaymentOutcome::Completed(_))).count();
        let refusal = PaymentOutcome::NotAwaitingPayment { state: ReservationState::Confirmed };
        let refused = outcomes.iter().filter(|outcome| **outcome == refusal).count();
        assert_eq!((completed, refused), (1, 2), "{outcomes:?}");
        assert_eq!(world.balance(buyer).await, 10_000 - 2 * PRICE);
    }
}

async fn two_payments_with_one_token_complete_once(world: &World) {
    for _ in 0..ROUNDS {
        let (performance, buyer) = (world.sale(2).await.id, world.buyer(10_000).await);
        let mut payments = Vec::new();
        for seat in 1..=2 {
            let reservation = world.reserve(buyer, performance, &[seat]).await;
            let (store, new) = (Arc::clone(&world.store), world.new_payment(buyer, reservation.id));
            let key = world.key(buyer);
            payments.push(async move { done(store.pay(new, &key).await.unwrap()) });
        }
        let outcomes = at_once(payments).await;
        let completed = outcomes.iter().filter(|outcome| matches!(outcome, PaymentOutcome::Completed(_))).count();
        assert!(completed == 1 && outcomes.contains(&PaymentOutcome::TokenConsumed), "{outcomes:?}");
        assert_eq!(world.seats(performance, SeatState::Sold).await.len(), 1);
        assert_eq!(world.balance(buyer).await, 10_000 - PRICE);
    }
}

async fn one_key_used_twice_at_once_has_one_effect(world: &World) {
    let buyer = world.buyer(0).await;
    for round in 1..=ROUNDS {
        let key = world.key(buyer);
        let charges = (0..4).map(|_| {
            let (store, new, key) = (Arc::clone(&world.store), world.new_charge(buyer, 10), key.clone());
            async move { store.charge(new, &key).await.unwrap() }
        });
        let outcomes = at_once(charges.collect()).await;
        let carried_out: Vec<_> = outcomes
            .iter()
            .filter_map(|once| if let Once::Done(outcome) = once { Some(outcome) } else { None })
            .collect();
        assert_eq!(carried_out.len(), 1, "{outcomes:?}");
        for once in &outcomes {
            match once {
                Once::Done(_) | Once::InProgress => {}
                Once::Replayed(outcome) => assert_eq!(outcome, carried_out[0]),
                Once::KeyReused => panic!("the same request"),
            }
        }
        assert_eq!(world.balance(buyer).await, i64::from(round) * 10);
    }
}

async fn reserving_and_giving_up_at_once_end_one_way(world: &World) {
    for _ in 0..ROUNDS {
        let (performance, buyer) = (world.sale(2).await.id, world.buyer(0).await);
        let hold = world.hold(buyer, performance, &[1, 2]).await;
        let (here, there, now) = (Arc::clone(&world.store), Arc::clone(&world.store), world.now());
        let new = world.new_reservation(buyer, hold.id);
        let (reserved, released) = both(async move { done(here.reserve(new, None).await.unwrap()) }, async move {
            there.release_hold(hold.id, buyer.member, now).await.unwrap()
        })
        .await;
        let kept = world.seats(performance, SeatState::Held).await.len();
        match (&reserved, &released) {
            (ReserveOutcome::Reserved(_), ReleaseOutcome::AlreadyReserved) => assert_eq!(kept, 2),
            (ReserveOutcome::HoldExpired, ReleaseOutcome::Released(_)) => assert_eq!(kept, 0),
            both => panic!("{both:?}"),
        }
    }
}

async fn reserving_and_sweeping_at_the_deadline_end_one_way(world: &World) {
    for _ in 0..ROUNDS {
        let (performance, buyer) = (world.sale(2).await.id, world.buyer(0).await);
        let hold = world.hold(buyer, performance, &[1, 2]).await;
        world.clock.advance(ALMOST);
        let new = world.new_reservation(buyer, hold.id);
        world.clock.advance(Duration::from_micros(1));
        let (here, there, now) = (Arc::clone(&world.store), Arc::clone(&world.store), world.now());
        let (reserved, swept) = both(async move { done(here.reserve(new, None).await.unwrap()) }, async move {
            there.sweep(now, 10).await.unwrap()
        })
        .await;
        match reserved {
            // The sweep came later, or not at all while the row was locked; it may have met the reservation.
            ReserveOutcome::Reserved(_) => assert_eq!(swept.holds.len(), 0),
            ReserveOutcome::HoldExpired => assert_eq!(swept.holds.len(), 1),
            other => panic!("{other:?}"),
        }
        assert!(world.seats(performance, SeatState::Held).await.is_empty());
        world.store.sweep(world.now(), 10).await.unwrap();
    }
}

async fn leaving_and_paying_at_once_end_one_way(world: &World) {
    for round in 0..ROUNDS {
        let (performance, buyer) = (world.sale(3).await.id, world.buyer(10_000).await);
        let reservation = world.reserve(buyer, performance, &[1, 2]).await;
        world.hold(buyer, performance, &[3]).await;
        let (payment, key, leave) =
            (world.new_payment(buyer, reservation.id), world.key(buyer), world.new_leave(buyer));
        let (payer, leaver) = (Arc::clone(&world.store), Arc::clone(&world.store));
        let pay = async move { done(payer.pay(payment, &key).await.unwrap()) };
        let leave = async move { leaver.leave(leave).await.unwrap().unwrap() };
        // `both` gives one side a head start: each has it in turn.
        let (outcome, given_back) = if round % 2 == 0 {
            both(pay, leave).await
        } else {
            let (given_back, outcome) = both(leave, pay).await;
            (outcome, given_back)
        };
        let state = world.store.reservation(reservation.id, world.now()).await.unwrap().unwrap().state;
        let freed = (given_back.holds.len(), given_back.reservations.len());
        match outcome {
            PaymentOutcome::Completed(_) => {
                assert_eq!((freed, state), ((0, 0), ReservationState::Confirmed));
                assert_eq!(world.seats(performance, SeatState::Sold).await, [1, 2]);
                assert_eq!(world.balance(buyer).await, 10_000 - 2 * PRICE);
            }
            PaymentOutcome::TokenLeft | PaymentOutcome::NotAwaitingPayment { state: ReservationState::Cancelled } => {
                assert_eq!((freed, state), ((1, 1), ReservationState::Cancelled));
                assert_eq!(world.seats(performance, SeatState::Available).await, [1, 2, 3]);
                assert_eq!(world.balance(buyer).await, 10_000);
            }
            other => panic!("{other:?}"),
        }
        world.audit().await;
    }
}

async fn leaving_and_holding_at_once_leave_nothing_held(world: &World) {
    for _ in 0..ROUNDS {
        let (performance, buyer) = (world.sale(2).await.id, world.buyer(0).await);
        let (leaver, leave) = (Arc::clone(&world.store), world.new_leave(buyer));
        let (outcome, _) =
            both(hold(world, buyer, performance, &[1, 2]), async move { leaver.leave(leave).await.unwrap().unwrap() })
                .await;
        assert!(matches!(outcome, HoldOutcome::Held(_) | HoldOutcome::TokenLeft), "{outcome:?}");
        assert_eq!(world.seats(performance, SeatState::Available).await, [1, 2], "{outcome:?}");
    }
}

async fn leaving_and_reserving_at_once_leave_nothing_reserved(world: &World) {
    for _ in 0..ROUNDS {
        let (performance, buyer) = (world.sale(2).await.id, world.buyer(0).await);
        // Held with an earlier turn, reserved with the one that is given back.
        let hold = world.hold(buyer, performance, &[1, 2]).await;
        let readmitted = Buyer { token: ActiveTokenId::generate(&world.clock), ..buyer };
        let (reserver, new) = (Arc::clone(&world.store), world.new_reservation(readmitted, hold.id));
        let (leaver, leave) = (Arc::clone(&world.store), world.new_leave(readmitted));
        let (outcome, given_back) = both(async move { done(reserver.reserve(new, None).await.unwrap()) }, async move {
            leaver.leave(leave).await.unwrap().unwrap()
        })
        .await;
        match outcome {
            ReserveOutcome::Reserved(_) => assert_eq!(given_back.reservations.len(), 1),
            ReserveOutcome::TokenLeft => assert_eq!(world.seats(performance, SeatState::Held).await, [1, 2]),
            other => panic!("{other:?}"),
        }
    }
}

async fn concurrent_charges_and_payments_lose_nothing(world: &World) {
    for _ in 0..3 {
        let (performance, buyer) = (world.sale(6).await.id, world.buyer(10_000).await);
        let mut operations = Vec::new();
        for i in 0..9_u32 {
            let (charges, pays) = (i % 3 != 1, i % 3 != 0);
            let store: Arc<dyn TicketStore> = Arc::clone(&world.store);
            let charge = charges.then(|| (world.new_charge(buyer, 1_000), world.key(buyer)));
            let mut payment = None;
            if pays {
                let payer = Buyer { token: ActiveTokenId::generate(&world.clock), ..buyer };
                let mut hold = world.new_hold(payer, performance, &[i - i / 3]);
                hold.max_seats_per_member = 6;
                let HoldOutcome::Held(hold) = done(store.hold(hold, None).await.unwrap()) else { panic!("free") };
                let ReserveOutcome::Reserved(reservation) = world.try_reserve(payer, hold.id).await else { panic!() };
                payment = Some((world.new_payment(payer, reservation.id), world.key(payer)));
            }
            operations.push(async move {
                if let Some((charge, key)) = charge {
                    done(store.charge(charge, &key).await.unwrap());
                }
                if let Some((payment, key)) = payment {
                    let outcome = done(store.pay(payment, &key).await.unwrap());
                    assert!(matches!(outcome, PaymentOutcome::Completed(_)), "{outcome:?}");
                }
            });
        }
        at_once(operations).await;
        assert_eq!(world.balance(buyer).await, 11_500);
    }
}

async fn five_concurrent_charges_all_count(world: &World) {
    let buyer = world.buyer(50_000).await;
    let charges = (0..5).map(|_| {
        let (store, new, key) = (Arc::clone(&world.store), world.new_charge(buyer, 30_000), world.key(buyer));
        async move { done(store.charge(new, &key).await.unwrap()) }
    });
    at_once(charges.collect()).await;
    assert_eq!(world.balance(buyer).await, 200_000);
}

async fn two_sign_ups_with_one_name_make_one_member(world: &World) {
    use ticketing_api::booking::member::SignUpOutcome;
    for round in 0..ROUNDS {
        let sign_ups = (0..3).map(|_| {
            let (store, new) = (Arc::clone(&world.store), world.new_member(&format!("ann{round}")));
            async move { store.create_member(new).await.unwrap() }
        });
        let outcomes = at_once(sign_ups.collect()).await;
        let created = outcomes.iter().filter(|outcome| matches!(outcome, SignUpOutcome::Created(_))).count();
        let refused = outcomes.iter().filter(|outcome| **outcome == SignUpOutcome::EmailTaken).count();
        assert_eq!((created, refused), (1, 2), "{outcomes:?}");
    }
}
