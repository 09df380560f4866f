//! Concerts, performances and seats.

use std::time::Duration;

use jiff::Timestamp;
use ticketing_api::{
    booking::{
        concert::{ConcertId, PerformanceId},
        seat::SeatState,
    },
    store::PageRequest,
};

use crate::world::{PRICE, World, nobody, queue, won};

on_both_databases! {
    a_concert_is_read_as_it_was_created
    a_concert_at_the_end_of_time_is_read_as_it_was_created
    concerts_are_listed_by_their_soonest_performance
    seats_are_listed_by_number_with_their_prices
    what_does_not_exist_is_not_found
    a_hall_of_a_hundred_thousand_seats_can_be_created
}

async fn a_concert_is_read_as_it_was_created(world: &World) {
    let mut new = world.new_concert(5);
    let mut later = new.performances[0].clone();
    later.id = PerformanceId::generate(&world.clock);
    later.starts_at += Duration::from_hours(24);
    new.performances.insert(0, later.clone());
    let concert = world.store.create_concert(new.clone()).await.unwrap();
    assert_eq!((concert.id, &*concert.title, &*concert.place), (new.id, "First night", "Town hall"));
    assert_eq!((&*concert.category, &concert.queue), ("rock", &queue()));
    let ids: Vec<_> = concert.performances.iter().map(|performance| performance.id).collect();
    assert_eq!(ids, [new.performances[1].id, later.id], "soonest first");
    assert_eq!(world.store.concert(new.id).await.unwrap(), Some(concert.clone()));

    let performance = world.store.performance(later.id).await.unwrap().unwrap();
    assert_eq!(performance, concert.performances[1]);
    assert_eq!((performance.starts_at, performance.seats), (later.starts_at, 5));
    assert_eq!((performance.sale_opens_at, performance.sale_closes_at), (later.sale_opens_at, later.sale_closes_at));
    assert_eq!((&performance.queue, &*performance.title, performance.concert), (&queue(), "First night", new.id));
}

async fn a_concert_at_the_end_of_time_is_read_as_it_was_created(world: &World) {
    let mut new = world.new_concert(1);
    new.performances[0].starts_at = Timestamp::MAX;
    let concert = world.store.create_concert(new).await.unwrap();
    assert_eq!(concert.performances[0].starts_at.as_microsecond(), Timestamp::MAX.as_microsecond());
}

async fn concerts_are_listed_by_their_soonest_performance(world: &World) {
    let mut ids = Vec::new();
    for days in [3, 1, 2] {
        let mut new = world.new_concert(1);
        new.performances[0].starts_at += Duration::from_hours(24 * days);
        world.store.create_concert(new.clone()).await.unwrap();
        ids.push(new.id);
    }
    let page = |page| world.store.concerts(PageRequest { page, size: 2 });
    let (first, second, third) = (page(0).await.unwrap(), page(1).await.unwrap(), page(2).await.unwrap());
    let listed: Vec<_> = first.items.iter().chain(&second.items).map(|concert| concert.id).collect();
    assert_eq!(listed, [ids[1], ids[2], ids[0]]);
    assert_eq!((first.total, second.total, third.total), (3, 3, 3));
    assert!(third.items.is_empty());
    assert_eq!((first.items[0].performances, &first.items[0].queue), (1, &queue()));
}

async fn seats_are_listed_by_number_with_their_prices(world: &World) {
    let performance = world.sale(12).await;
    let seats = world.store.seats(performance.id, world.now()).await.unwrap().unwrap();
    let numbers: Vec<_> = seats.iter().map(|seat| seat.number.0).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    assert!(seats.iter().all(|seat| seat.price == won(PRICE) && seat.state == SeatState::Available));
    assert_eq!((&*seats[0].grade, &*seats[1].grade, &*seats[0].section), ("VIP", "R", "A"));
}

async fn what_does_not_exist_is_not_found(world: &World) {
    assert_eq!(world.store.concert(ConcertId(nobody())).await.unwrap(), None);
    assert_eq!(world.store.performance(PerformanceId(nobody())).await.unwrap(), None);
    assert_eq!(world.store.seats(PerformanceId(nobody()), world.now()).await.unwrap(), None);
}

async fn a_hall_of_a_hundred_thousand_seats_can_be_created(world: &World) {
    let performance = world.sale(100_000).await;
    assert_eq!(performance.seats, 100_000);
    let buyer = world.buyer(0).await;
    world.hold(buyer, performance.id, &[1, 100_000]).await;
}
