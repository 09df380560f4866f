//! Paying reservations.

use std::time::Duration;

use ticketing_api::{
    booking::{
        leaving::TokenEnd,
        member::SignUpOutcome,
        payment::{PaymentOutcome, PaymentState},
        reservation::{ReservationId, ReservationState},
        seat::SeatState,
        ticket::TicketId,
        wallet::TransferKind,
    },
    store::{OutboxEvent, PageRequest, TokenState},
};

use crate::world::{Buyer, HOLD, PRICE, World, done, nobody, queue, won};

on_both_databases! {
    a_payment_moves_the_money_and_issues_the_tickets
    too_little_money_is_recorded_and_can_be_tried_again
    only_the_owner_pays_and_only_before_the_deadline
    nothing_is_paid_twice
    one_token_completes_one_payment
    a_payment_needs_the_right_queue_and_currency
    a_reservation_whose_seat_passed_to_another_is_not_paid
    a_free_seat_is_paid_with_nothing
}

async fn a_payment_moves_the_money_and_issues_the_tickets(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(10_000).await);
    let reservation = world.reserve(buyer, performance.id, &[2, 3]).await;
    world.clock.advance(Duration::from_secs(1));
    let PaymentOutcome::Completed(payment) = world.pay(buyer, reservation.id).await else { panic!() };
    assert_eq!((payment.amount, payment.state), (won(2 * PRICE), PaymentState::Completed));
    assert_eq!((payment.reservation, payment.member, payment.created_at), (reservation.id, buyer.member, world.now()));
    assert_eq!(world.balance(buyer).await, 10_000 - 2 * PRICE);
    assert_eq!(world.seats(performance.id, SeatState::Sold).await, [2, 3]);

    world.clock.advance(HOLD);
    let confirmed = world.store.reservation(reservation.id, world.now()).await.unwrap().unwrap();
    assert_eq!(confirmed.state, ReservationState::Confirmed, "sold is sold, also past the deadline");
    let tickets: Vec<_> = confirmed.tickets.iter().map(|ticket| ticket.id).collect();
    let expected: Vec<_> = confirmed.seats.iter().map(|seat| TicketId::of(payment.id, seat.number)).collect();
    assert_eq!(tickets, expected);

    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Ended(TokenEnd::Paid));
    let messages = world.store.due_messages(world.now(), world.now() + HOLD, 10).await.unwrap();
    let events: Vec<_> = messages.into_iter().map(|message| message.event).collect();
    assert_eq!(events, [OutboxEvent::ReleaseToken { token: buyer.token, queue: queue() }]);

    let page = PageRequest { page: 0, size: 10 };
    let entries = world.store.ledger_entries(buyer.member, page).await.unwrap();
    let newest = &entries.items[0];
    assert_eq!((newest.kind, newest.payment, entries.total), (TransferKind::Payment, Some(payment.id), 2));
    assert_eq!((newest.amount, newest.balance_after), (won(-2 * PRICE), won(10_000 - 2 * PRICE)));
    assert_eq!(world.store.payments(buyer.member, page).await.unwrap().items, [payment]);
}

async fn too_little_money_is_recorded_and_can_be_tried_again(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(PRICE - 1).await);
    let reservation = world.reserve(buyer, performance.id, &[1]).await;
    let PaymentOutcome::Insufficient { payment, balance } = world.pay(buyer, reservation.id).await else { panic!() };
    assert_eq!((payment.state, payment.amount, balance), (PaymentState::Failed, won(PRICE), won(PRICE - 1)));
    assert_eq!(world.balance(buyer).await, PRICE - 1);
    let untouched = world.store.reservation(reservation.id, world.now()).await.unwrap().unwrap();
    assert_eq!(untouched.state, ReservationState::AwaitingPayment);
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Unclaimed, "the token is kept");
    world.charge(buyer, 1).await;
    world.clock.advance(Duration::from_secs(1));
    let PaymentOutcome::Completed(second) = world.pay(buyer, reservation.id).await else { panic!() };
    assert_eq!(world.balance(buyer).await, 0);
    let page = world.store.payments(buyer.member, PageRequest { page: 0, size: 10 }).await.unwrap();
    assert_eq!((page.items, page.total), (vec![second, payment], 2), "newest first");
}

async fn only_the_owner_pays_and_only_before_the_deadline(world: &World) {
    let (performance, owner, other) = (world.sale(5).await, world.buyer(10_000).await, world.buyer(10_000).await);
    let reservation = world.reserve(owner, performance.id, &[1]).await;
    assert_eq!(world.pay(owner, ReservationId(nobody())).await, PaymentOutcome::ReservationUnknown);
    assert_eq!(world.pay(other, reservation.id).await, PaymentOutcome::NotYours);
    world.clock.advance(HOLD);
    assert_eq!(world.pay(owner, reservation.id).await, PaymentOutcome::Expired);
    world.store.sweep(world.now(), 10).await.unwrap();
    assert_eq!(world.pay(owner, reservation.id).await, PaymentOutcome::Expired);
    assert_eq!((world.balance(owner).await, world.balance(other).await), (10_000, 10_000));
}

async fn nothing_is_paid_twice(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(10_000).await);
    let reservation = world.reserve(buyer, performance.id, &[1]).await;
    assert!(matches!(world.pay(buyer, reservation.id).await, PaymentOutcome::Completed(_)));
    let refused = PaymentOutcome::NotAwaitingPayment { state: ReservationState::Confirmed };
    assert_eq!(world.pay(buyer, reservation.id).await, refused);
    assert_eq!(world.balance(buyer).await, 10_000 - PRICE);
}

async fn one_token_completes_one_payment(world: &World) {
    let (performance, buyer) = (world.sale(5).await, world.buyer(10_000).await);
    let first = world.reserve(buyer, performance.id, &[1]).await;
    let second = world.reserve(buyer, performance.id, &[2]).await;
    assert!(matches!(world.pay(buyer, first.id).await, PaymentOutcome::Completed(_)));
    assert_eq!(world.pay(buyer, second.id).await, PaymentOutcome::TokenConsumed);
    let readmitted = Buyer { token: world.buyer(0).await.token, ..buyer };
    assert!(matches!(world.pay(readmitted, second.id).await, PaymentOutcome::Completed(_)));
    assert_eq!(world.balance(buyer).await, 10_000 - 2 * PRICE);
}

async fn a_payment_needs_the_right_queue_and_currency(world: &World) {
    let performance = world.sale(5).await;
    let mut foreigner = world.new_member("eve");
    foreigner.currency = "EUR".parse().unwrap();
    let SignUpOutcome::Created(member) = world.store.create_member(foreigner).await.unwrap() else { panic!() };
    let buyer = Buyer { member: member.id, ..world.buyer(0).await };
    let reservation = world.reserve(buyer, performance.id, &[1]).await;
    let mut elsewhere = world.new_payment(buyer, reservation.id);
    elsewhere.queue = "other".parse().unwrap();
    let refused = done(world.store.pay(elsewhere, &world.key(buyer)).await.unwrap());
    assert_eq!(refused, PaymentOutcome::WrongQueue);
    let refused = world.pay(buyer, reservation.id).await;
    assert_eq!(refused, PaymentOutcome::WrongCurrency { wallet: "EUR".parse().unwrap() });
}

async fn a_reservation_whose_seat_passed_to_another_is_not_paid(world: &World) {
    let (performance, slow, fast) = (world.sale(5).await, world.buyer(10_000).await, world.buyer(10_000).await);
    let reservation = world.reserve(slow, performance.id, &[1, 2]).await;
    let late = world.new_payment(slow, reservation.id);
    world.clock.advance(HOLD);
    world.hold(fast, performance.id, &[2]).await;
    // By a clock that is behind, the reservation would still live.
    let key = world.key(slow);
    assert_eq!(done(world.store.pay(late.clone(), &key).await.unwrap()), PaymentOutcome::Expired);
    assert_eq!(world.balance(slow).await, 10_000);
    assert_eq!(world.seats(performance.id, SeatState::Held).await, [2]);
    assert!(world.seats(performance.id, SeatState::Sold).await.is_empty());
    let replayed = world.store.pay(late, &key).await.unwrap();
    assert_eq!(replayed, ticketing_api::store::Once::Replayed(PaymentOutcome::Expired));
}

async fn a_free_seat_is_paid_with_nothing(world: &World) {
    let mut concert = world.new_concert(1);
    concert.performances[0].seats.0[0].price = won(0);
    let performance = world.store.create_concert(concert).await.unwrap().performances[0].id;
    let buyer = world.buyer(0).await;
    let reservation = world.reserve(buyer, performance, &[1]).await;
    assert!(matches!(world.pay(buyer, reservation.id).await, PaymentOutcome::Completed(_)));
    assert_eq!((world.balance(buyer).await, world.seats(performance, SeatState::Sold).await), (0, vec![1]));
}
