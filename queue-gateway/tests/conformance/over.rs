//! What is over is over in every reply, before any sweep; and whoever only asks changes nothing.

use std::time::Duration;

use contract::ids::{ActiveTokenId, VisitorId};
use queue_gateway::line::{Claim, Contact, JoinRequest, Lost, ReadyVisitor, Sequence, Standing};
use testkit::Redis;

use crate::{
    fixture::{ACTIVE, ARRIVE, CLAIM, Fixture, GRACE, is_admitted, join_request, waiting},
    mirror::Mirror,
};

const SECOND: Duration = Duration::from_secs(1);

/// What a visitor has that has just ended, and no sweep has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    FirstNoShow,
    SecondNoShow,
    NotClaimed,
    Expired,
    /// A passed place among those that expire together.
    Passed,
    /// A passed place that its visitor had come back to.
    SeenAgain,
}

const ALL: [Over; 6] =
    [Over::FirstNoShow, Over::SecondNoShow, Over::NotClaimed, Over::Expired, Over::Passed, Over::SeenAgain];

impl Over {
    /// Where that leaves the visitor.
    fn standing(self) -> Standing {
        match self {
            Self::FirstNoShow => waiting(1),
            Self::SecondNoShow => Standing::Absent { lost: Some(Lost::NoShow) },
            Self::NotClaimed => Standing::Absent { lost: Some(Lost::NotClaimed) },
            Self::Expired => Standing::Absent { lost: Some(Lost::Ended) },
            Self::Passed => Standing::UNKNOWN,
            Self::SeenAgain => Standing::Absent { lost: Some(Lost::Passed) },
        }
    }

    /// A queue of its own where it has come about. No gateway is left in it: the clock alone moves the time.
    async fn come_about(self, f: &Fixture) -> (Fixture, VisitorId, ActiveTokenId) {
        let f = f.twin(&format!("{self:?}-{}", f.id().as_u128()).to_lowercase());
        f.configure(10.0, 10).await;
        let (visitor, token) = (f.visitor(), f.token());
        let request = JoinRequest { contact: Some(Contact { network: None }), ..join_request(visitor, token) };
        match self {
            Self::Passed | Self::SeenAgain => {
                f.join(visitor).await;
                f.admitted().await;
            }
            _ => assert!(is_admitted(f.ask(request).await.standing)),
        }
        match self {
            Self::FirstNoShow => f.advance(ARRIVE),
            Self::SecondNoShow => {
                f.advance(ARRIVE);
                let mut gateway = f.gateway_with(&[visitor]).await;
                // The sweep of the first step gives the place back.
                f.sweep().await;
                gateway.step(0).await;
                assert_eq!(gateway.step_with(vec![token]).await.admitted, 1);
                gateway.end().await;
                f.advance(ARRIVE);
            }
            Self::NotClaimed => {
                f.engine.arrive(&f.queue, token).await.unwrap();
                f.advance(CLAIM);
            }
            Self::Expired => {
                f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
                f.advance(ACTIVE);
            }
            Self::Passed => f.advance(GRACE),
            Self::SeenAgain => {
                let mut gateway = f.gateway_with(&[visitor]).await;
                gateway.step(0).await;
                f.advance(SECOND);
                gateway.end().await;
                f.advance(GRACE);
            }
        }
        (f, visitor, token)
    }
}

/// The line and its front are what the log says.
async fn check_pages(f: &Fixture) {
    let mut mirror = Mirror::begin();
    mirror.follow(&f.log().await, &f.stats().await);
    assert_eq!(mirror.line.iter().map(|seq| seq.0).collect::<Vec<_>>(), f.line().await);
    assert_eq!(mirror.front.iter().map(|seq| seq.0).collect::<Vec<_>>(), f.front().await);
}

pub(crate) async fn where_somebody_stands_is_what_the_next_sweep_makes_of_them(f: Fixture) {
    for over in ALL {
        let (f, visitor, _) = over.come_about(&f).await;
        assert_eq!(f.status(visitor).await, over.standing(), "{over:?} before a sweep");
        let active = f.stats().await.active;
        f.sweep().await;
        assert_eq!(f.status(visitor).await, over.standing(), "{over:?} after a sweep");
        assert_eq!(f.stats().await.active, active, "{over:?}");
        check_pages(&f).await;
    }
}

pub(crate) async fn leaving_with_what_is_over_is_leaving_as_one_stands(f: Fixture) {
    for over in ALL {
        let (f, visitor, _) = over.come_about(&f).await;
        assert_eq!(f.leave(visitor).await, over.standing(), "{over:?}");
        let after = match over.standing() {
            Standing::Waiting { .. } => Standing::Absent { lost: Some(Lost::Left) },
            absent => absent,
        };
        assert_eq!(f.status(visitor).await, after, "{over:?}");
        f.sweep().await;
        assert_eq!(f.status(visitor).await, after, "{over:?} after a sweep");
        check_pages(&f).await;
    }
}

pub(crate) async fn joining_with_what_is_over_gives_the_place_that_one_has_or_a_fresh_one(f: Fixture) {
    for over in ALL {
        let (f, visitor, _) = over.come_about(&f).await;
        let last = f.stats().await.last_seq;
        let joined = f.join(visitor).await;
        let place = match over.standing() {
            Standing::Waiting { seq } => (waiting(seq.0), false),
            _ => (waiting(last.0 + 1), true),
        };
        assert_eq!((joined.standing, joined.fresh), place, "{over:?}");
        f.sweep().await;
        f.sweep().await;
        assert_eq!(f.status(visitor).await, place.0, "{over:?} after sweeps");
        check_pages(&f).await;
    }
}

pub(crate) async fn a_token_that_is_over_is_refused_by_every_step(f: Fixture) {
    for over in [Over::FirstNoShow, Over::SecondNoShow, Over::NotClaimed, Over::Expired] {
        for first in 0..3 {
            let (f, visitor, token) = over.come_about(&f).await;
            for step in 0..3 {
                match (first + step) % 3 {
                    0 => assert_eq!(f.engine.arrive(&f.queue, token).await.unwrap(), Standing::UNKNOWN),
                    1 => assert_eq!(f.engine.claim(&f.queue, token, f.member(), None).await.unwrap(), Claim::Gone),
                    _ => assert!(!f.engine.release(&f.queue, token).await.unwrap()),
                }
                assert_eq!(f.status(visitor).await, over.standing(), "{over:?}");
            }
            f.sweep().await;
            let totals = f.stats().await.totals;
            let no_shows = [(Over::FirstNoShow, 1), (Over::SecondNoShow, 2)].iter().find(|(kind, _)| *kind == over);
            assert_eq!(totals.no_shows, no_shows.map_or(0, |(_, count)| *count), "{over:?} counts once");
            assert_eq!(totals.not_claimed, u64::from(over == Over::NotClaimed), "{over:?} counts once");
            check_pages(&f).await;
        }
    }
}

pub(crate) async fn a_visitor_whose_place_is_over_does_not_become_ready(f: Fixture) {
    for over in [Over::Passed, Over::SeenAgain] {
        let (f, visitor, _) = over.come_about(&f).await;
        let mut gateway = f.gateway().await;
        let mut report = gateway.report(f.tokens(1));
        report.ready.push(ReadyVisitor { visitor, seq: Sequence(1), network: None, due_in: Duration::ZERO });
        let step = gateway.send(report).await;
        assert_eq!((step.admitted, step.stats.ready), (0, 0), "{over:?}");
        assert_eq!(f.status(visitor).await, over.standing());
    }
}

/// Two queues with the same life, one of which is asked about everything all the time.
pub(crate) async fn whoever_only_asks_changes_nothing(f: Fixture) {
    let (asked, unasked) = (f.twin("asked"), f.twin("unasked"));
    let mut lines = Vec::new();
    for f in [&asked, &unasked] {
        f.configure(1.0, 3).await;
        let line = f.line_of(6).await;
        assert!(is_admitted(f.come(f.visitor()).await.standing));
        let mut gateway = f.gateway_with(&line[1..3]).await;
        gateway.step(1).await;
        gateway.end().await;
        lines.push(line);
    }
    for _ in 0..80 {
        f.clock.advance(SECOND);
        ask_everything(&asked, &lines[0]).await;
    }
    for f in [&asked, &unasked] {
        f.sweep().await;
    }
    assert_eq!(asked.stats().await, unasked.stats().await);
    assert_eq!((asked.line().await, asked.front().await), (unasked.line().await, unasked.front().await));
    let kinds = async |f: &Fixture| f.log().await.iter().map(std::mem::discriminant).collect::<Vec<_>>();
    assert_eq!(kinds(&asked).await, kinds(&unasked).await);
    assert!(kinds(&asked).await.len() > 4, "much has happened meanwhile");
}

async fn ask_everything(f: &Fixture, line: &[VisitorId]) {
    let before = f.stats().await;
    for visitor in line {
        f.status(*visitor).await;
    }
    f.line().await;
    f.front().await;
    f.log().await;
    assert_eq!(f.stats().await, before);
}

/// Redis counts what is written to it.
#[tokio::test]
async fn redis_is_not_written_to_by_whoever_only_asks() {
    let redis = Redis::start().await;
    let f = Fixture::on_redis(redis.url(), "asking").await;
    let written = async || {
        let info = redis.call(&["INFO", "persistence"]).await;
        let changes = info.text().unwrap().lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
        changes.unwrap().trim().parse::<u64>().unwrap()
    };
    redis.call(&["CONFIG", "SET", "save", ""]).await;
    for over in ALL {
        let (f, visitor, _) = over.come_about(&f).await;
        let before = written().await;
        ask_everything(&f, &[visitor, f.visitor()]).await;
        assert_eq!(written().await, before, "{over:?}");
        f.sweep().await;
        assert!(written().await > before, "a sweep is written, so that writing shows");
    }
}
