//! Joining, and reading the line.

use queue_gateway::engine::EngineError;
use queue_gateway::line::{ConnectionId, ControlChange, Epoch, LogIndex, Sequence, Standing};
use uuid::Uuid;

use crate::fixture::{Fixture, waiting};

pub(crate) async fn joining_twice_gives_the_same_place(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    let visitor = f.visitor();
    let first = f.join(visitor).await;
    assert_eq!((first.epoch, first.standing, first.fresh), (epoch, waiting(1), true));
    f.line_of(1).await;
    let second = f.join(visitor).await;
    assert_eq!((second.epoch, second.standing, second.fresh), (epoch, waiting(1), false));
    assert_eq!(f.stats().await.waiting, 2);

    f.control(ControlChange { rate_per_second: Some(Some(5.0)), ..ControlChange::default() }).await;
    f.advance_ms(1_000);
    f.promote(1).await;
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
    let stats = f.stats().await;
    assert_eq!((stats.last_seq, stats.waiting), (Sequence(7), 5));
    assert_eq!(f.line().await, [2, 3, 4, 5, 7]);
}

pub(crate) async fn a_queue_that_nobody_configured_is_an_error_in_every_step(f: Fixture) {
    let (e, q, visitor, token) = (&f.engine, &f.queue, f.visitor(), f.token());
    let connection = ConnectionId(Uuid::nil());
    let errors = [
        e.join(q, visitor, None, token).await.err(),
        e.status(q, visitor).await.err(),
        e.leave(q, visitor).await.err(),
        e.connect(q, visitor, connection).await.err(),
        e.disconnect(q, visitor, connection).await.err(),
        e.promote(q, &[token]).await.err(),
        e.claim(q, token, f.member(), None).await.err(),
        e.release(q, token).await.err(),
        e.control(q, ControlChange::default()).await.err(),
        e.stats(q).await.err(),
        e.departures(q, Epoch(1), LogIndex(0), 10).await.err(),
        e.line(q, None, 10).await.err(),
    ];
    for (step, error) in errors.into_iter().enumerate() {
        assert!(matches!(&error, Some(EngineError::NotConfigured(name)) if name == q), "step {step}: {error:?}");
    }
    e.ping().await.unwrap();
    f.configure(1.0, 1).await;
    assert_eq!(f.status(visitor).await, Standing::Absent);
}

pub(crate) async fn the_line_is_read_in_pages(f: Fixture) {
    f.configure(0.0, 10).await;
    let line = f.line_of(7).await;
    f.leave(line[2]).await;
    let page = async |above: Option<i64>, limit| {
        let page = f.engine.line(&f.queue, above.map(Sequence), limit).await.unwrap();
        page.waiting.into_iter().map(|seq| seq.0).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 3).await, [1, 2, 4]);
    assert_eq!(page(Some(4), 3).await, [5, 6, 7]);
    assert!(page(Some(7), 3).await.is_empty());
    assert_eq!(page(Some(-100), 1).await, [1]);
    assert!(page(None, 0).await.is_empty());
}
