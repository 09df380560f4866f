//! An opening by draw: numbers before it, places by chance after it.

use std::time::Duration;

use contract::ids::VisitorId;
use queue_gateway::{
    engine::MOST_DEALT,
    line::{
        Baseline, Beginning, ControlChange, Deal, Draw, DrawSecret, Drawn, Epoch, JoinRefused, JoinRequest, LineChange,
        Lots, Opening, Place, QueueState, ReadyVisitor, Report, Schedule, Sequence, Standing,
    },
};

use crate::{
    fixture::{Fixture, SECRET, baseline, is_admitted, join_request, waiting},
    gateway::empty_report,
};

const OPENS_IN: Duration = Duration::from_mins(1);

fn number(number: u64) -> Standing {
    Standing::Waiting { seq: Sequence::of_number(number) }
}

impl Fixture {
    async fn configure_with_draw(&self, rate: f64, beacon_source: Option<&str>) {
        let schedule = Schedule {
            opens_at: Some(self.now() + OPENS_IN),
            pre_queue: OPENS_IN,
            opening: Opening::Draw,
            beacon_source: beacon_source.map(str::to_owned),
            closes_at: None,
        };
        self.configure_as(Baseline { schedule, ..baseline(rate, 1_000) }).await;
    }

    async fn draw(&self) -> Draw {
        self.stats().await.control.draw
    }

    /// What the log has decided.
    async fn decided(&self) -> Option<Lots> {
        let log = self.log().await;
        let mut draws = log.into_iter().filter_map(|entry| match entry {
            LineChange::Drawn(lots) => Some(lots),
            _ => None,
        });
        let lots = draws.next();
        assert_eq!(draws.next(), None, "a draw is decided once");
        lots
    }

    /// Deals all places, as gateways do.
    async fn deal(&self) -> Drawn {
        let drawn = self.decided().await.expect("the draw is decided").draw();
        let places: Vec<Sequence> =
            (1..=drawn.len()).map(|number| drawn.place_in_line(Sequence::of_number(number))).collect();
        assert_eq!(self.deal_some(1, places).await, drawn.len());
        drawn
    }

    /// Deals some places of the draw that is decided.
    async fn deal_some(&self, first: u64, places: Vec<Sequence>) -> u64 {
        let stats = self.stats().await;
        let numbers = stats.control.draw.numbers.unwrap_or(0);
        let undecided = Lots { numbers, secret: SECRET, beacon: String::new() };
        let lots = stats.control.draw.lots().unwrap_or(undecided);
        self.engine.deal(&self.queue, &Deal { epoch: stats.epoch, lots, first, places }).await.unwrap()
    }

    async fn says(&self, beacon: &str) {
        self.control(ControlChange { beacon: Some(beacon.to_owned()), ..ControlChange::default() }).await;
    }
}

pub(crate) async fn whoever_joins_before_an_opening_by_draw_gets_a_number(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    let (first, second) = (f.visitor(), f.visitor());
    assert_eq!(f.join(first).await.standing, number(1));
    assert_eq!(f.join(second).await.standing, number(2));
    assert_eq!(f.join(first).await.standing, number(1), "joining again is the same number");
    assert_eq!((f.status(second).await, f.draw().await.numbers), (number(2), None));
    f.advance(OPENS_IN);
    let late = f.visitor();
    assert_eq!(f.join(late).await.standing, waiting(3), "behind them all");
    assert_eq!(f.draw().await.numbers, Some(2), "the join saw the opening first");
    assert_eq!(f.line().await, [Sequence::of_number(1).0, Sequence::of_number(2).0, 3]);
}

pub(crate) async fn the_first_who_joins_settles_how_a_queue_opens(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    let fifo = ControlChange { opening: Some(Some(Opening::Fifo)), ..ControlChange::default() };
    f.join(f.visitor()).await;
    f.control(fifo.clone()).await;
    assert_eq!(f.join(f.visitor()).await.standing, number(2));
    assert_eq!(f.stats().await.control.opening(), Opening::Draw);

    let f = f.twin("fifo");
    f.configure_with_draw(0.0, None).await;
    f.control(fifo).await;
    f.join(f.visitor()).await;
    f.control(ControlChange { opening: Some(None), ..ControlChange::default() }).await;
    assert_eq!(f.join(f.visitor()).await.standing, waiting(2));
    assert_eq!(f.stats().await.control.opening(), Opening::Fifo, "what is told is what will happen");
    f.advance(OPENS_IN);
    f.sweep().await;
    assert_eq!((f.draw().await.settled, f.decided().await), (Some(Opening::Fifo), None));
    assert_eq!(f.stats().await.state(), QueueState::Open);
}

pub(crate) async fn a_draw_is_decided_by_the_first_step_after_the_opening(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    f.line_of(3).await;
    f.advance(OPENS_IN - Duration::from_micros(1));
    f.sweep().await;
    assert_eq!(f.decided().await, None);
    f.advance(Duration::from_micros(1));
    f.sweep().await;
    f.sweep().await;
    assert_eq!(f.decided().await, Some(Lots { numbers: 3, secret: SECRET, beacon: String::new() }));
    assert_eq!(f.stats().await.state(), QueueState::PreQueue, "not before its places are dealt");
}

pub(crate) async fn a_draw_with_a_named_source_waits_for_its_beacon(f: Fixture) {
    f.configure_with_draw(0.0, Some("drand")).await;
    f.line_of(2).await;
    f.says("chosen beforehand").await;
    let control = f.stats().await.control;
    assert_eq!(control.beacon_source(), Some("drand"));
    let schedule = Schedule { beacon_source: Some("dice".to_owned()), ..control.baseline.schedule.clone() };
    f.configure_as(Baseline { schedule, ..control.baseline }).await;
    assert_eq!(f.stats().await.control.beacon_source(), Some("drand"), "as it was with the first number");
    assert_eq!(f.draw().await.beacon, None);
    f.advance(OPENS_IN);
    f.sweep().await;
    assert_eq!((f.decided().await, f.draw().await.numbers), (None, Some(2)));
    assert_eq!(f.join(f.visitor()).await.standing, waiting(3));
    f.says("4242").await;
    f.says("another").await;
    f.sweep().await;
    assert_eq!(f.decided().await, Some(Lots { numbers: 2, secret: SECRET, beacon: "4242".to_owned() }));
}

pub(crate) async fn a_queue_without_a_source_takes_no_beacon(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    f.line_of(2).await;
    f.advance(OPENS_IN);
    f.sweep().await;
    f.says("4242").await;
    assert_eq!(f.draw().await.beacon, Some(String::new()), "it is decided without");
}

pub(crate) async fn places_are_dealt_in_order_whoever_deals(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    let line = f.line_of(5).await;
    let place = |number| Sequence(6 - number);
    let deal = async |first: u64, places: &[i64]| f.deal_some(first, places.iter().copied().map(place).collect()).await;
    assert_eq!(deal(1, &[1, 2]).await, 0, "nothing is decided yet");
    f.advance(OPENS_IN);
    f.sweep().await;
    assert_eq!(deal(2, &[2]).await, 0, "not before the first");
    assert_eq!(deal(1, &[1, 2]).await, 2);
    assert_eq!(deal(1, &[1, 2, 3]).await, 2, "another gateway has dealt them");
    assert_eq!((f.status(line[0]).await, f.status(line[2]).await), (waiting(5), number(3)));
    assert_eq!(f.line().await, [Sequence::of_number(3).0, Sequence::of_number(4).0, Sequence::of_number(5).0, 4, 5]);
    assert_eq!(deal(3, &[]).await, 2);
    assert_eq!(deal(3, &[3, 4, 5, 0]).await, 5, "no more than there are numbers");
    assert_eq!((deal(6, &[0]).await, f.line().await), (5, vec![1, 2, 3, 4, 5]));
    assert_eq!((f.draw().await.drawn_at, f.stats().await.state()), (Some(f.now()), QueueState::Open));
}

pub(crate) async fn the_drawn_go_in_by_their_places_and_later_ones_behind_them(f: Fixture) {
    f.configure_with_draw(10.0, None).await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(12).await;
    assert_eq!(gateway.admits(50).await, 0);
    f.advance(OPENS_IN);
    let late = gateway.line_of(1).await;
    assert_eq!(gateway.admits(50).await, 0);
    f.advance_ms(700);
    assert_eq!(gateway.admits(50).await, 0, "not before places are dealt");
    let drawn = f.deal().await;
    assert_eq!(f.come(f.visitor()).await.standing, waiting(14), "nobody goes straight in past them");
    for _ in ["hears of the places", "reports them"] {
        assert_eq!(gateway.admits(50).await, 0);
    }
    f.advance_ms(300);
    assert_eq!(gateway.admits(50).await, 3, "credit counts from the last deal");
    let of_place = |place| line[usize::try_from(drawn.number_at(place).unwrap()).unwrap() - 1];
    for place in 1..=12 {
        assert_eq!(is_admitted(f.status(of_place(place)).await), place <= 3, "{place}");
    }
    f.advance_ms(900);
    assert_eq!(gateway.admits(9).await, 9);
    assert!(is_admitted(f.status(of_place(12)).await) && !is_admitted(f.status(late[0]).await));
    f.advance_ms(200);
    gateway.step(1).await;
    assert!(is_admitted(f.status(late[0]).await));
}

pub(crate) async fn whoever_leaves_leaves_by_number_or_by_place(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    let line = f.line_of(6).await;
    f.leave(line[0]).await;
    f.advance(OPENS_IN);
    f.sweep().await;
    f.leave(line[1]).await;
    let place = |number: u64| Sequence(i64::try_from(number).unwrap());
    let some: Vec<Sequence> = (1..=4).map(place).collect();
    assert_eq!(f.deal_some(1, some).await, 4);
    f.leave(line[3]).await;
    f.leave(line[4]).await;
    let rest: Vec<Sequence> = (5..=6).map(place).collect();
    assert_eq!(f.deal_some(5, rest).await, 6);
    assert_eq!(f.line().await, [3, 6]);
    let departed: Vec<Sequence> = f
        .log()
        .await
        .into_iter()
        .filter_map(|entry| match entry {
            LineChange::Departed { seq } => Some(seq),
            _ => None,
        })
        .collect();
    let numbers = [1, 2].map(Sequence::of_number);
    assert_eq!(departed, [numbers[0], numbers[1], Sequence(4), Sequence::of_number(5)]);
}

pub(crate) async fn a_crowd_is_dealt_in_many_steps(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    let count = 2 * MOST_DEALT + 100;
    let crowd: Vec<VisitorId> = f.crowd_of(count).await;
    f.advance(OPENS_IN);
    f.sweep().await;
    let drawn = f.decided().await.unwrap().draw();
    let places: Vec<Sequence> =
        (1..=drawn.len()).map(|number| drawn.place_in_line(Sequence::of_number(number))).collect();
    let mut dealt = 0;
    for some in places.chunks(MOST_DEALT) {
        dealt = f.deal_some(dealt + 1, some.to_vec()).await;
    }
    assert_eq!(dealt, count as u64);
    for at in [0, 1, MOST_DEALT - 1, MOST_DEALT, count - 1] {
        assert_eq!(f.status(crowd[at]).await, Standing::Waiting { seq: places[at] });
    }
    let all: Vec<i64> = (1..=i64::try_from(count).unwrap()).collect();
    assert_eq!(f.line().await, all);
}

pub(crate) async fn what_was_given_before_a_draw_gives_a_number(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    let epoch = f.stats().await.epoch;
    let held = |seq| Some(Place { epoch: Epoch(epoch.0 - 50), seq });
    let visitor = f.visitor();
    let request = JoinRequest { held: held(Sequence::of_number(7)), ..join_request(visitor, f.token()) };
    assert_eq!(f.ask(request).await.standing, number(1));
    let request = JoinRequest { held: held(Sequence(7)), ..join_request(f.visitor(), f.token()) };
    assert_eq!(f.ask(request).await.standing, number(2), "nor does a place of before go before everybody");
}

pub(crate) async fn the_secret_of_a_queue_is_that_of_its_beginning(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    let other = Beginning { secret: DrawSecret([8; 32]), may_be_known: false };
    let stats = f.engine.configure(&f.queue, baseline(1.0, 1), other).await.unwrap();
    assert_eq!(stats.control.draw.secret, SECRET);
}

pub(crate) async fn nothing_is_dealt_of_another_draw(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    f.line_of(2).await;
    f.advance(OPENS_IN);
    f.sweep().await;
    let epoch = f.stats().await.epoch;
    let deal = async |epoch, lots| {
        let deal = Deal { epoch, lots, first: 1, places: vec![Sequence(1), Sequence(2)] };
        f.engine.deal(&f.queue, &deal).await.unwrap()
    };
    let lots = f.decided().await.unwrap();
    assert_eq!(deal(epoch, Lots { numbers: 3, ..lots.clone() }).await, 0, "set back, it has fixed another count");
    assert_eq!(deal(epoch, Lots { beacon: "?".to_owned(), ..lots.clone() }).await, 0, "or was told another beacon");
    assert_eq!(deal(Epoch(epoch.0 - 1), lots.clone()).await, 0);
    assert_eq!(deal(epoch, lots).await, 2);
}

/// Streams are not asked again, so nobody has named them before the draw.
pub(crate) async fn whoever_was_handed_back_at_a_number_has_the_drawn_place(f: Fixture) {
    f.configure_with_draw(10.0, None).await;
    let line = f.line_of(3).await;
    let remembered = f.remembered(1).await;
    let drawing = f.stats().await.control.baseline;
    let lost = f.lost(drawing).await;
    assert!(lost.give_back(&remembered).await);
    lost.settle().await;
    let epoch = lost.stats().await.epoch;
    let named = Place { epoch, seq: Sequence::of_number(2) };
    assert_eq!(lost.engine.name(&lost.queue, line[1], named).await.unwrap(), number(2));
    lost.advance(OPENS_IN);
    lost.sweep().await;
    let drawn = lost.draw().await.lots().expect("the draw is decided").draw();
    let places = (1..=3).map(|number| drawn.place_in_line(Sequence::of_number(number))).collect();
    assert_eq!(lost.deal_some(1, places).await, 3);
    let there = |number: u64, visitor: VisitorId| {
        let seq = drawn.place_in_line(Sequence::of_number(number));
        ReadyVisitor { visitor, seq, network: None, due_in: Duration::ZERO }
    };
    let ready = (1..).zip(&line).map(|(number, visitor)| there(number, *visitor)).collect();
    let report = Report { ready, ..empty_report(&lost, epoch) };
    assert_eq!(lost.engine.step(&lost.queue, &report).await.unwrap().stats.ready, 3);
    assert_eq!(lost.line().await, [1, 2, 3]);
    assert_eq!(lost.status(line[2]).await, Standing::Waiting { seq: there(3, line[2]).seq });
}

pub(crate) async fn leaving_and_joining_again_gives_numbers_only_so_often(f: Fixture) {
    f.configure_with_draw(0.0, None).await;
    let schedule = f.stats().await.control.baseline.schedule;
    f.configure_as(Baseline { max_places: 2, schedule, ..baseline(0.0, 1) }).await;
    for given in 1..=8 {
        let visitor = f.visitor();
        assert_eq!(f.join(visitor).await.standing, number(given));
        f.leave(visitor).await;
    }
    let refused = f.engine.join(&f.queue, join_request(f.visitor(), f.token())).await.unwrap();
    assert_eq!(refused, Err(JoinRefused::Full));
    f.advance(OPENS_IN);
    assert_eq!(f.join(f.visitor()).await.standing, waiting(9), "places are another matter");
}
