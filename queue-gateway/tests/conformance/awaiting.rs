//! All who remembered a line are gone with its store: those who come back to their places are awaited.

use std::time::Duration;

use queue_gateway::line::{
    Baseline, Contact, Epoch, Invitations, JoinRequest, Lifetimes, Opening, Place, QueueState, Schedule, Sequence,
    Share, Standing,
};

use crate::{
    fixture::{ARRIVE, Fixture, LIFETIMES, baseline, is_admitted, join_request, waiting},
    returning::come_back,
};

const SECOND: Duration = Duration::from_secs(1);
const COME_BACK: Duration = Duration::from_secs(30);

fn awaiting(rate: f64) -> Baseline {
    Baseline { lifetimes: Lifetimes { come_back: COME_BACK, ..LIFETIMES }, ..baseline(rate, 1_000) }
}

impl Fixture {
    /// An epoch before that of the queue, which is new and awaits whoever comes back.
    async fn new_epoch(&self, baseline: Baseline) -> Epoch {
        Epoch(self.configure_as(baseline).await.epoch.0 - 1_000)
    }
}

pub(crate) async fn whoever_comes_back_in_time_goes_in_by_the_old_order(f: Fixture) {
    let old = f.new_epoch(awaiting(10.0)).await;
    f.advance(SECOND);
    let (last, first) = (f.visitor(), f.visitor());
    let contact = Some(Contact { network: None });
    let held = Some(Place { epoch: old, seq: Sequence(9) });
    let joined = f.ask(JoinRequest { held, contact, ..join_request(last, f.token()) }).await;
    assert_eq!(joined.standing, waiting(-991));
    assert_eq!(f.state().await, QueueState::Rejoining);
    let newcomer = f.visitor();
    assert_eq!(f.come(newcomer).await.standing, waiting(1), "with room, and nobody of the old line present");
    let mut gateway = f.gateway_with(&[last, newcomer]).await;
    gateway.pass(COME_BACK - 2 * SECOND).await;
    assert_eq!(gateway.admits(9).await, 0);
    assert_eq!(come_back(&f, first, old, 3).await, (waiting(-997), false));
    gateway.present(&[first]).await;
    gateway.pass(2 * SECOND - Duration::from_millis(1)).await;
    assert_eq!((gateway.admits(9).await, f.state().await), (0, QueueState::Rejoining));
    f.advance_ms(1);
    assert_eq!((gateway.admits(9).await, f.state().await), (0, QueueState::Open), "no burst was saved up");
    for next in [first, last, newcomer] {
        f.advance_ms(100);
        assert_eq!(gateway.admits(9).await, 1);
        assert!(is_admitted(f.status(next).await));
    }
}

pub(crate) async fn a_queue_to_which_nobody_comes_back_waits_for_nobody(f: Fixture) {
    f.configure_as(awaiting(10.0)).await;
    f.admitted().await;
    assert_eq!(f.state().await, QueueState::Open);
}

pub(crate) async fn nobody_is_awaited_twice(f: Fixture) {
    let old = f.new_epoch(awaiting(1.0)).await;
    let (first, late, latest) = (f.visitor(), f.visitor(), f.visitor());
    come_back(&f, first, old, 9).await;
    f.advance(COME_BACK);
    f.sweep().await;
    assert_eq!(come_back(&f, late, old, 2).await.0, waiting(-998));
    assert_eq!(f.state().await, QueueState::Open, "although nobody has been admitted yet");
    let mut gateway = f.gateway_with(&[first, late]).await;
    gateway.step(0).await;
    f.advance(SECOND);
    assert_eq!(gateway.admits(9).await, 1);
    assert!(is_admitted(f.status(late).await), "and is in time nevertheless");
    come_back(&f, latest, old, 1).await;
    assert_eq!(f.state().await, QueueState::Open);
}

pub(crate) async fn nobody_is_awaited_once_somebody_has_been_admitted_for_a_while(f: Fixture) {
    let old = f.new_epoch(awaiting(1.0)).await;
    f.admitted().await;
    f.advance(COME_BACK);
    come_back(&f, f.visitor(), old, 9).await;
    assert_eq!(f.state().await, QueueState::Open);

    let quiet = f.twin("quiet");
    let old = quiet.new_epoch(awaiting(1.0)).await;
    quiet.advance(20 * COME_BACK);
    come_back(&quiet, quiet.visitor(), old, 9).await;
    assert_eq!(quiet.state().await, QueueState::Rejoining, "nobody has been overtaken so far");
}

pub(crate) async fn whoever_was_admitted_before_the_first_came_back_loses_no_time(f: Fixture) {
    let old = f.new_epoch(awaiting(1.0)).await;
    let (admitted, _) = f.admitted().await;
    f.advance(SECOND);
    come_back(&f, f.visitor(), old, 9).await;
    assert_eq!(f.state().await, QueueState::Rejoining, "so soon after it began");
    f.advance(COME_BACK);
    f.sweep().await;
    f.advance(ARRIVE - SECOND - Duration::from_micros(1));
    assert!(is_admitted(f.status(admitted).await));
    f.advance(Duration::from_micros(1));
    assert!(!is_admitted(f.status(admitted).await));
}

pub(crate) async fn a_token_that_gives_no_place_back_opens_nothing(f: Fixture) {
    let old = f.new_epoch(awaiting(0.0)).await;
    let epoch = f.stats().await.epoch;
    let kept = f.visitor();
    f.join(kept).await;
    come_back(&f, kept, old, 9).await;
    for (epoch, seq) in [(epoch, 1), (Epoch(epoch.0 + 5), 1), (old, 1_001)] {
        assert!(come_back(&f, f.visitor(), epoch, seq).await.1, "a place of {epoch:?} is a fresh one");
    }
    assert_eq!(f.state().await, QueueState::Open);
}

pub(crate) async fn a_paused_queue_is_shown_as_paused_and_waits_meanwhile(f: Fixture) {
    let old = f.new_epoch(awaiting(10.0)).await;
    f.pause(true).await;
    let visitor = f.visitor();
    come_back(&f, visitor, old, 9).await;
    assert_eq!(f.state().await, QueueState::Paused);
    f.pause(false).await;
    assert_eq!(f.state().await, QueueState::Rejoining);
    f.pause(true).await;
    let mut gateway = f.gateway_with(&[visitor]).await;
    gateway.pass(COME_BACK).await;
    f.pause(false).await;
    assert_eq!(f.state().await, QueueState::Open);
    f.advance_ms(100);
    assert_eq!(gateway.admits(9).await, 1);
}

pub(crate) async fn the_time_is_over_before_an_opening_that_is_far_enough(f: Fixture) {
    for (away, waits) in [(COME_BACK, false), (SECOND, true)] {
        let f = f.twin(&format!("in-{}", away.as_secs()));
        let schedule = Schedule { opens_at: Some(f.now() + away), pre_queue: 2 * COME_BACK, ..Schedule::default() };
        let old = f.new_epoch(Baseline { schedule, ..awaiting(10.0) }).await;
        come_back(&f, f.visitor(), old, 9).await;
        assert_eq!(f.state().await, QueueState::PreQueue);
        f.advance(away);
        assert_eq!(f.state().await, if waits { QueueState::Rejoining } else { QueueState::Open });
        f.advance(COME_BACK);
        assert_eq!(f.state().await, QueueState::Open);
    }
}

pub(crate) async fn numbers_of_a_lost_draw_await_nobody(f: Fixture) {
    let opens_at = Some(f.now() + SECOND);
    let schedule = Schedule { opens_at, pre_queue: COME_BACK, opening: Opening::Draw, ..Schedule::default() };
    let old = f.new_epoch(Baseline { schedule, ..awaiting(10.0) }).await;
    for seq in [Sequence::of_number(9), Sequence(9)] {
        let held = Some(Place { epoch: old, seq });
        let joined = f.ask(JoinRequest { held, ..join_request(f.visitor(), f.token()) }).await;
        assert!(joined.standing.seq().is_some_and(|seq| seq.number().is_some()), "{joined:?}");
    }
    assert_eq!(f.stats().await.control.returning_until, None);

    let drawn = f.twin("drawn");
    let old = drawn.new_epoch(awaiting(10.0)).await;
    let held = Some(Place { epoch: old, seq: Sequence::of_number(9) });
    let joined = drawn.ask(JoinRequest { held, ..join_request(drawn.visitor(), drawn.token()) }).await;
    assert_eq!((joined.standing, drawn.state().await), (waiting(1), QueueState::Open), "a number says nothing");
    come_back(&drawn, drawn.visitor(), old, 9).await;
    assert_eq!(drawn.state().await, QueueState::Rejoining, "a place that was drawn does");
}

pub(crate) async fn both_lanes_wait_for_whoever_comes_back_to_one(f: Fixture) {
    let invitations = Share::of_thousandths(500).map(|share| Invitations { share, presale: COME_BACK / 2 });
    let opens_at = Some(f.now() + COME_BACK / 2);
    let schedule = Schedule { opens_at, pre_queue: COME_BACK, ..Schedule::default() };
    let presale = Baseline { invitations, schedule, ..awaiting(10.0) };
    let old = f.new_epoch(presale).await;
    let (invited, other) = (f.visitor(), f.visitor());
    let seq = Sequence::of_invited(4).0;
    let Standing::Waiting { seq } = come_back(&f, invited, old, seq).await.0 else { panic!("is to wait") };
    assert!(seq.is_invited());
    f.join(other).await;
    let mut gateway = f.gateway_with(&[invited, other]).await;
    gateway.pass(COME_BACK - SECOND).await;
    assert_eq!(gateway.admits(9).await, 0);
    gateway.pass(SECOND + Duration::from_millis(200)).await;
    assert_eq!(gateway.admits(9).await, 2);
}

pub(crate) async fn less_time_in_the_settings_ends_it_and_a_clock_that_steps_back_does_not_prolong_it(f: Fixture) {
    let old = f.new_epoch(awaiting(1.0)).await;
    come_back(&f, f.visitor(), old, 9).await;
    f.configure_as(baseline(1.0, 1_000)).await;
    f.sweep().await;
    assert_eq!(f.state().await, QueueState::Open);

    let stepped = f.twin("stepped");
    let old = stepped.new_epoch(awaiting(1.0)).await;
    come_back(&stepped, stepped.visitor(), old, 9).await;
    stepped.clock.step_back(Duration::from_hours(1));
    stepped.sweep().await;
    assert_eq!(stepped.state().await, QueueState::Open);
}

pub(crate) async fn a_line_that_gateways_gave_back_awaits_nobody(f: Fixture) {
    f.configure_as(awaiting(10.0)).await;
    f.pause(true).await;
    let line = f.line_of(3).await;
    f.pause(false).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(awaiting(10.0)).await;
    assert!(lost.give_back(&remembered).await);
    lost.settle().await;
    assert_eq!(lost.come_back(line[1], 2).await, waiting(2));
    assert_eq!(lost.state().await, QueueState::Open, "the epoch is as it was");
}
