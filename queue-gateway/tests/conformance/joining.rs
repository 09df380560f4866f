//! Joining, and reading the line.

use queue_gateway::engine::EngineError;
use queue_gateway::line::{
    Baseline, Contact, ControlChange, Epoch, JoinRefused, JoinRequest, Joined, LogIndex, Place, Sequence, Standing,
};

use crate::{
    fixture::{Fixture, GRACE, baseline, is_admitted, join_request, waiting},
    gateway::empty_report,
};

pub(crate) async fn joining_twice_gives_the_same_place(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    let visitor = f.visitor();
    let first = f.join(visitor).await;
    assert_eq!((first.epoch, first.standing, first.fresh), (epoch, waiting(1), true));
    f.line_of(1).await;
    let second = f.come(visitor).await;
    assert_eq!((second.epoch, second.standing, second.fresh), (epoch, waiting(1), false));
    assert_eq!(f.line().await, [1, 2]);

    f.set_rate(5.0).await;
    let mut gateway = f.gateway_with(&[visitor]).await;
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(1).await, 1);
    let admitted = f.status(visitor).await;
    let third = f.join(visitor).await;
    assert_eq!((third.standing, third.fresh), (admitted, false));
}

pub(crate) async fn places_are_given_in_the_order_of_joining_without_gaps(f: Fixture) {
    f.configure(1.0, 10).await;
    f.admitted().await;
    let line = f.line_of(5).await;
    for (seq, visitor) in (2..).zip(&line) {
        assert_eq!(f.status(*visitor).await, waiting(seq), "being admitted at once takes a number too");
    }
    f.leave(line[4]).await;
    assert_eq!(f.join(line[4]).await.standing, waiting(7), "a number is never given twice");
    assert_eq!(f.stats().await.last_seq, Sequence(7));
    assert_eq!(f.line().await, [2, 3, 4, 5, 7]);
}

pub(crate) async fn a_join_without_contact_waits_whatever_the_room(f: Fixture) {
    f.configure(10.0, 10).await;
    let ghost = f.visitor();
    assert_eq!(f.join(ghost).await.standing, waiting(1), "a join by itself is no presence");
    f.advance_ms(60_000);
    assert_eq!(f.join(ghost).await.standing, waiting(1));
    assert_eq!(f.come(ghost).await.standing, waiting(1), "who has a place waits for their turn");
    f.admitted().await;
    assert_eq!(f.status(ghost).await, waiting(1), "passed, not gone");
}

pub(crate) async fn a_full_line_refuses_fresh_places_alone(f: Fixture) {
    let epoch = f.configure_as(Baseline { max_places: 3, ..baseline(0.0, 10) }).await.epoch;
    let line = f.line_of(3).await;
    let newcomer = f.visitor();
    let before = f.stats().await;
    for contact in [None, Some(Contact { network: None })] {
        let request = JoinRequest { contact, ..join_request(newcomer, f.token()) };
        assert_eq!(f.engine.join(&f.queue, request).await.unwrap(), Err(JoinRefused::Full));
    }
    assert_eq!(f.status(newcomer).await, Standing::UNKNOWN);
    assert_eq!(f.stats().await, before, "a refusal leaves no trace");
    assert_eq!(f.join(line[1]).await.standing, waiting(2), "who has a place keeps it");
    let held = Place { epoch: Epoch(epoch.0 - 9), seq: Sequence(4) };
    let back = JoinRequest { held: Some(held), ..join_request(f.visitor(), f.token()) };
    assert_eq!(f.ask(back).await.standing, waiting(-5), "a place of an older epoch is no fresh one");
    f.leave(line[0]).await;
    assert_eq!(f.engine.join(&f.queue, join_request(newcomer, f.token())).await.unwrap(), Err(JoinRefused::Full));
    f.leave(line[1]).await;
    assert_eq!(f.join(newcomer).await.standing, waiting(4), "a refused join took no number");
}

pub(crate) async fn joins_in_one_step_come_one_after_another(f: Fixture) {
    let epoch = f.configure_as(Baseline { max_places: 4, ..baseline(0.0, 10) }).await.epoch;
    let [one, other, third, old, late] = [(); 5].map(|()| f.visitor());
    let ask = |visitor| join_request(visitor, f.token());
    let held = Some(Place { epoch: Epoch(epoch.0 - 9), seq: Sequence(4) });
    let requests =
        [ask(one), ask(other), ask(one), JoinRequest { held, ..ask(old) }, ask(third), ask(late), ask(other)];
    let replies = f.engine.join_many(&f.queue, &requests).await.unwrap();
    let place = |seq, fresh| Ok(Joined { epoch, standing: waiting(seq), fresh });
    assert_eq!(
        replies,
        [
            place(1, true),
            place(2, true),
            place(1, false),
            place(-5, false),
            place(3, true),
            Err(JoinRefused::Full),
            place(2, false)
        ]
    );
    assert_eq!(f.line().await, [-5, 1, 2, 3]);
}

pub(crate) async fn one_of_those_who_come_in_one_step_goes_straight_in_and_the_others_wait(f: Fixture) {
    f.configure(1.0, 10).await;
    let [ghost, first, second] = [(); 3].map(|()| f.visitor());
    let come = |visitor| JoinRequest { contact: Some(Contact { network: None }), ..join_request(visitor, f.token()) };
    let requests = [join_request(ghost, f.token()), come(first), come(second), come(first)];
    let replies = f.engine.join_many(&f.queue, &requests).await.unwrap();
    let standings: Vec<Standing> = replies.iter().map(|reply| reply.unwrap().standing).collect();
    assert!(is_admitted(standings[1]), "{standings:?}");
    assert_eq!((standings[0], standings[2], standings[3]), (waiting(1), waiting(3), standings[1]));
    assert_eq!(f.stats().await.watermark, Sequence(2));
    f.advance(GRACE);
    assert_eq!(f.status(ghost).await, Standing::UNKNOWN, "passed by whoever went straight in");
    assert_eq!(f.status(second).await, waiting(3));
}

pub(crate) async fn a_line_full_of_ghosts_is_passed_by_whoever_is_there(f: Fixture) {
    f.configure_as(Baseline { max_places: 3, ..baseline(1.0, 10) }).await;
    f.line_of(3).await;
    assert_eq!(f.engine.join(&f.queue, join_request(f.visitor(), f.token())).await.unwrap(), Err(JoinRefused::Full));
    let (_, token) = f.admitted().await;
    assert!(f.engine.release(&f.queue, token).await.unwrap());
    f.advance(GRACE);
    f.sweep().await;
    assert!(f.line().await.is_empty(), "else nobody would ever pass the ghosts");
    assert_eq!(f.join(f.visitor()).await.standing, waiting(5));
}

pub(crate) async fn a_queue_that_nobody_configured_is_an_error_in_every_step(f: Fixture) {
    let (e, q, visitor, token) = (&f.engine, &f.queue, f.visitor(), f.token());
    let errors = [
        e.join(q, join_request(visitor, token)).await.err(),
        e.status(q, visitor).await.err(),
        e.leave(q, visitor).await.err(),
        e.step(q, &empty_report(&f, Epoch(1))).await.err(),
        e.arrive(q, token).await.err(),
        e.claim(q, token, f.member(), None).await.err(),
        e.release(q, token).await.err(),
        e.control(q, ControlChange::default(), "Ada").await.err(),
        e.changes(q, 10).await.err(),
        e.stats(q).await.err(),
        e.tail(q, Epoch(1), LogIndex(0), 10).await.err(),
        e.line(q, None, 10).await.err(),
        e.front(q, None, 10).await.err(),
    ];
    for (step, error) in errors.into_iter().enumerate() {
        assert!(matches!(&error, Some(EngineError::NotConfigured(name)) if name == q), "step {step}: {error:?}");
    }
    e.ping().await.unwrap();
    f.configure(1.0, 1).await;
    assert_eq!(f.status(visitor).await, Standing::UNKNOWN);
}

pub(crate) async fn the_line_is_read_in_pages(f: Fixture) {
    f.configure(0.0, 10).await;
    let line = f.line_of(7).await;
    f.leave(line[2]).await;
    let page = async |above: Option<i64>, limit| {
        let page = f.engine.line(&f.queue, above.map(Sequence), limit).await.unwrap();
        page.places.into_iter().map(|seq| seq.0).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 3).await, [1, 2, 4]);
    assert_eq!(page(Some(4), 3).await, [5, 6, 7]);
    assert!(page(Some(7), 3).await.is_empty());
    assert_eq!(page(Some(-100), 1).await, [1]);
    assert!(page(None, 0).await.is_empty());
}

pub(crate) async fn the_front_is_read_in_pages(f: Fixture) {
    f.configure(10.0, 10).await;
    let passed = f.line_of(5).await;
    f.admitted().await;
    f.line_of(1).await;
    let mut gateway = f.gateway_with(&[passed[0], passed[1], passed[3], passed[4]]).await;
    gateway.step(0).await;
    let page = async |above: Option<i64>, limit| {
        let page = f.engine.front(&f.queue, above.map(Sequence), limit).await.unwrap();
        page.places.into_iter().map(|seq| seq.0).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 3).await, [1, 2, 4]);
    assert_eq!(page(Some(2), 3).await, [4, 5]);
    assert!(page(Some(5), 3).await.is_empty(), "place 7 has not been passed");
    assert!(page(None, 0).await.is_empty());
}
