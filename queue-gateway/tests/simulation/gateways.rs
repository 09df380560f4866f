//! Several gateways: what one has told, no other takes back.

use std::time::Duration;

use futures_util::future::join_all;
use queue_gateway::{
    line::{AdmissionLimits, ControlChange, Lost},
    waiting_room::View,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use tokio::time::Instant;

use crate::{
    listener::Listener,
    world::{GRACE, Gateway, TICK, Visitor, World, told},
};

/// One visitor, and what they have been told.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Person {
    visitor: Visitor,
    stream: Option<Listener>,
    /// They ask nothing, and have no stream.
    away: bool,
    /// When they last asked or opened a stream.
    heard_at: Instant,
    /// From then on the store knows that they are there. Before, the line may pass them; that is no promise broken.
    known_from: Instant,
    /// What they were told last, as far as it is a promise.
    position: Option<u64>,
    /// What the stream said first was none.
    early: bool,
    admitted: bool,
    /// They came back too late.
    lost: bool,
    /// Which gateway answered last.
    at: usize,
}

impl Person {
    fn new(visitor: Visitor) -> Self {
        Self {
            visitor,
            stream: None,
            away: true,
            heard_at: Instant::now(),
            known_from: Instant::now(),
            position: None,
            early: false,
            admitted: false,
            lost: false,
            at: 0,
        }
    }

    fn hear_position(&mut self, position: u64, early: bool) {
        let Self { visitor, position: before, admitted, .. } = &*self;
        assert!(!admitted, "{visitor:?} was told to be admitted, and now to wait at {position}");
        if !early {
            assert!(before.is_none_or(|before| position <= before), "{visitor:?}: {position} after {before:?}");
            self.position = Some(position);
        }
    }

    async fn hear_admission(&mut self, world: &World) {
        if !std::mem::replace(&mut self.admitted, true) {
            world.arrive(self.visitor).await;
        }
    }

    fn leave(&mut self) {
        (self.stream, self.away) = (None, true);
    }

    /// Turns to the gateway that did not answer last.
    async fn turn(&mut self, world: &World, gateways: &[Gateway]) {
        self.listen(world).await;
        self.at = (self.at + 1) % gateways.len();
        self.away |= self.stream.is_none() && self.heard_at.elapsed() > Duration::from_mins(1);
        self.heard_at = Instant::now();
        if self.away {
            (self.position, self.known_from) = (None, Instant::now() + 3 * TICK);
        }
    }

    /// Whether a position told now is no promise yet: the store has just been told of them, or they were passed while
    /// they were away and so many others are back that it does not ask for more.
    fn is_early(&self, gateway: &Gateway) -> bool {
        let passed = gateway.mirror.look_up(self.visitor.place.seq).is_some_and(|(point, _)| point.parked);
        assert!(!passed || self.position.is_none(), "{:?} was passed while they were there", self.visitor);
        passed || Instant::now() < self.known_from
    }

    async fn poll(&mut self, world: &World, gateways: &[Gateway]) {
        self.turn(world, gateways).await;
        match gateways[self.at].poll(self.visitor).await.view {
            View::Waiting { outlook, .. } => self.hear_position(outlook.position, self.is_early(&gateways[self.at])),
            View::Closed => panic!("nobody closes this queue"),
            View::Admitted { .. } => self.hear_admission(world).await,
            View::Gone { lost } => {
                // A place may be over in the very moment in which they come back to it.
                let early = self.away || self.position.is_none();
                assert!(early && matches!(lost, Some(Lost::Passed | Lost::NoShow)), "{:?}: {lost:?}", self.visitor);
                self.lost = true;
            }
        }
        self.away = false;
    }

    /// Opens a stream anew.
    async fn open(&mut self, world: &World, gateways: &[Gateway]) {
        self.turn(world, gateways).await;
        self.stream = Some(gateways[self.at].stream(self.visitor).await);
        (self.away, self.early) = (false, self.is_early(&gateways[self.at]));
        self.listen(world).await;
    }

    async fn listen(&mut self, world: &World) {
        let Some(stream) = &mut self.stream else { return };
        for event in stream.hear() {
            match event.name.as_str() {
                "position" => self.hear_position(event.data["position"].as_u64().unwrap(), self.early),
                "admitted" => self.hear_admission(world).await,
                "closed" => self.lost = true,
                _ => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whichever_gateway_answers_no_position_rises_and_no_admission_is_taken_back() {
    let seed = StdRng::from_os_rng().random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::new(AdmissionLimits { rate_per_second: 20.0, cap: 100_000 }).await;
    let one = world.gateway().await;
    tokio::time::sleep(TICK / 3).await;
    let gateways = [one, world.gateway().await];
    let mut people: Vec<Person> = world.ghosts(1_000).await.into_iter().map(Person::new).collect();
    for _ in 0..550 {
        for _ in 0..random.random_range(0..25) {
            let person = &mut people[random.random_range(0..1_000)];
            if person.admitted || person.lost {
                continue;
            }
            match random.random_range(0..10) {
                // Gone, mostly for longer than their presence lasts, so that the line passes them.
                0 => person.leave(),
                _ if person.away && random.random_bool(0.6) => {}
                1..=5 => person.poll(&world, &gateways).await,
                _ => person.open(&world, &gateways).await,
            }
        }
        for person in &mut people {
            person.listen(&world).await;
        }
        world.tick().await;
    }
    let (admitted, lost) = (people.iter().filter(|person| person.admitted), people.iter().filter(|person| person.lost));
    let counts = (admitted.count(), lost.count());
    assert!(counts.0 > 500, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_at_the_same_time_shares_one_reading_of_the_log() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(500).await;
    world.tick().await;
    world.store.asked();
    join_all(crowd.iter().map(|visitor| gateway.poll(*visitor))).await;
    assert!(world.store.asked() <= 3, "those that may begin at once, the last for all who came after the first");
    world.leave(crowd[0]).await;
    world.store.asked();
    let answers = join_all(crowd[1..].iter().map(|visitor| gateway.poll(*visitor))).await;
    assert!(answers.iter().zip(1..).all(|(answer, expected)| told(answer) == Some(expected)), "and it is new enough");
    assert!(world.store.asked() <= 3);
}

#[tokio::test(start_paused = true)]
async fn every_gateway_says_at_once_that_a_place_was_passed_for_too_long() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let one = world.gateway().await;
    tokio::time::sleep(TICK / 3).await;
    let other = world.gateway().await;
    let away = world.ghosts(100).await;
    let passing = one.listeners(&world, 1).await.remove(0).0;
    while !world.is_admitted(passing).await {
        world.tick().await;
    }
    // Around the moment at which the places are over, a few milliseconds apart, and so between steps of either.
    tokio::time::sleep(GRACE.saturating_sub(4 * TICK)).await;
    let mut over = 0;
    for (visitor, gateway) in away.iter().zip([&one, &other].into_iter().cycle()) {
        tokio::time::sleep(TICK / 20).await;
        if let View::Gone { lost } = gateway.poll(*visitor).await.view {
            assert_eq!(lost, Some(Lost::Passed), "{visitor:?}");
            over += 1;
        }
    }
    assert!((10..90).contains(&over), "{over}");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_starts_late_tells_the_same_as_the_others() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let one = world.gateway().await;
    let away = world.ghosts(60).await;
    let first = one.listeners(&world, 1).await.remove(0).0;
    while !world.is_admitted(first).await {
        world.tick().await;
    }
    world.order(ControlChange { cap: Some(Some(1)), ..ControlChange::default() }).await;
    let waiting = one.listeners(&world, 50).await;
    let _back: Vec<_> = away[..30].iter().map(|visitor| one.listener(*visitor)).collect();
    world.leave(away[3]).await;
    world.leave(waiting[7].0).await;
    for _ in 0..3 {
        world.tick().await;
    }
    let late = world.gateway().await;
    for visitor in away.iter().chain(waiting.iter().map(|(visitor, _)| visitor)) {
        let seq = visitor.place.seq;
        assert_eq!(one.mirror.look_up(seq), late.mirror.look_up(seq), "{seq:?}");
    }
    assert_eq!(one.mirror.census(), late.mirror.census());
    assert_eq!(late.position(waiting[49].0.place.seq), Some(49), "those who are back are not counted");
}
