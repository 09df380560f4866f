//! Several gateways remember a line that the store has lost, some of them more of it than others.

use std::time::Duration;

use queue_gateway::line::{
    BY_GATEWAYS, ControlChange, Invitation, InvitationId, JoinRequest, Lever, LogIndex, QueueState, Rejoined, Sequence,
};

use crate::{
    fixture::{Fixture, GRACE, join_request, waiting},
    rejoining::{SECOND, in_mid_sale, inviting},
};

pub(crate) async fn whoever_remembers_more_is_believed(f: Fixture) {
    let (line, _) = in_mid_sale(&f).await;
    let less = f.remembered(2).await;
    f.leave(line[6]).await;
    f.leave(line[2]).await;
    f.line_of(1).await;
    let more = f.remembered_by(2, 2).await;
    let lost = f.lost(inviting()).await;
    assert!(lost.give_back(&less).await);
    assert_eq!(lost.rejoin(&more).await, Rejoined::All);
    assert!(!lost.give_back_what_is(Rejoined::All, &less).await, "what is known better is not taken");
    assert!(lost.give_back(&more).await);
    lost.settle().await;
    assert_eq!(lost.line().await, [1, 5, 6, 8]);
    let stats = lost.stats().await;
    assert_eq!(stats.last_seq, Sequence(8));
    assert!(stats.log_head > more.memory.log_head);
    assert_ne!(stats.state(), QueueState::Rejoining);
}

pub(crate) async fn whoever_remembers_less_adds_the_places_that_they_alone_know(f: Fixture) {
    let (line, _) = in_mid_sale(&f).await;
    let mut joins_alone = f.remembered(2).await;
    f.leave(line[6]).await;
    let more = f.remembered_by(2, 2).await;
    // Two have joined there since its last reading of the log, and nobody else has heard of them.
    joins_alone.memory.extent.last_seq = Sequence(9);
    joins_alone.places.extend([Sequence(8), Sequence(9)]);
    let lost = f.lost(inviting()).await;
    assert!(lost.give_back(&more).await);
    assert_eq!(lost.rejoin(&joins_alone).await, Rejoined::Since(Sequence(7), Sequence::of_invited(0)));
    assert!(lost.give_back(&joins_alone).await);
    assert_eq!(lost.line().await, [1, 3, 5, 6, 8, 9]);
    lost.settle().await;
    assert_eq!(lost.join(lost.visitor()).await.standing, waiting(10));
}

pub(crate) async fn as_many_gateways_are_heard_as_there_were(f: Fixture) {
    in_mid_sale(&f).await;
    let remembered = [f.remembered(3).await, f.remembered_by(2, 3).await, f.remembered_by(3, 3).await];
    let lost = f.lost(inviting()).await;
    for (nth, one) in remembered.iter().enumerate() {
        assert_eq!(lost.stats().await.state(), QueueState::Rejoining, "{nth}");
        lost.give_back(one).await;
        if nth == 0 {
            assert_eq!(lost.rejoin(one).await, Rejoined::Nothing, "it is not heard twice");
        }
    }
    lost.settle().await;
    assert_eq!(lost.stats().await.state(), QueueState::Paused);
}

pub(crate) async fn what_others_alone_know_of_is_not_taken_away(f: Fixture) {
    in_mid_sale(&f).await;
    let mut first = f.remembered(2).await;
    let second = f.remembered_by(2, 2).await;
    first.memory.extent.last_seq = Sequence(9);
    first.places.extend([Sequence(8), Sequence(9)]);
    let mut newest = f.remembered_by(2, 2).await;
    newest.memory.log_head = LogIndex(newest.memory.log_head.0 + 1);
    for (nth, other) in [second, newest].iter().enumerate() {
        let lost = f.lost_again(nth, inviting()).await;
        assert!(lost.give_back(&first).await);
        assert!(lost.give_back(other).await);
        assert_eq!(lost.line().await, [1, 3, 5, 6, 7, 8, 9], "joins are in no log");
    }
}

pub(crate) async fn when_who_remembers_most_falls_silent_the_next_best_is_believed(f: Fixture) {
    let (line, _) = in_mid_sale(&f).await;
    let less = f.remembered(2).await;
    f.leave(line[6]).await;
    let most = f.remembered_by(2, 2).await;
    let lost = f.lost(inviting()).await;
    assert_eq!(lost.rejoin(&most).await, Rejoined::All);
    assert_eq!(lost.rejoin(&less).await, Rejoined::Since(Sequence(7), Sequence::of_invited(0)));
    lost.advance(4 * SECOND);
    assert!(lost.give_back(&less).await);
    assert_eq!(lost.line().await, [1, 3, 5, 6, 7]);
}

pub(crate) async fn the_orders_of_whoever_remembers_most_count(f: Fixture) {
    in_mid_sale(&f).await;
    f.pause(false).await;
    let less = f.remembered(2).await;
    f.line_of(1).await;
    f.leave(f.visitor()).await;
    let newest = f.line_of(1).await;
    f.leave(newest[0]).await;
    f.pause(true).await;
    let most = f.remembered_by(2, 2).await;
    let lost = f.lost(inviting()).await;
    lost.give_back(&less).await;
    lost.give_back(&most).await;
    lost.settle().await;
    assert_eq!(lost.stats().await.state(), QueueState::Paused);
    assert_eq!(lost.stats().await.control.revision, most.memory.control.revision);
}

pub(crate) async fn orders_that_are_handed_back_are_on_record(f: Fixture) {
    in_mid_sale(&f).await;
    let remembered = f.remembered(2).await;
    f.set_rate(2.0).await;
    let newer = f.remembered_by(2, 2).await;
    let lost = f.lost(inviting()).await;
    assert!(lost.give_back(&remembered).await);
    assert!(lost.give_back(&newer).await);
    lost.settle().await;
    let record = lost.engine.changes(&lost.queue, 9).await.unwrap();
    let told: Vec<_> = record
        .iter()
        .map(|change| (change.revision, change.lever, change.from.as_deref(), change.to.as_deref()))
        .collect();
    let revision = remembered.memory.control.revision;
    let expected = [
        (revision + 1, Lever::Rate, Some("5"), Some("2")),
        (revision, Lever::Paused, Some("0"), Some("1")),
        (revision, Lever::Rate, None, Some("5")),
    ];
    assert_eq!(told, expected);
    assert!(record.iter().all(|change| change.by == BY_GATEWAYS), "{record:?}");
    lost.pause(false).await;
    assert_eq!(lost.stats().await.control.revision, revision + 2);

    let again = f.lost_again(1, inviting()).await;
    again.pause(true).await;
    again.set_rate(9.0).await;
    let mut earlier = remembered;
    earlier.memory.control.revision = 1;
    again.rejoin(&earlier).await;
    let record = again.engine.changes(&again.queue, 9).await.unwrap();
    assert_eq!((record[0].revision, &*record[0].by, record.len()), (4, BY_GATEWAYS, 3), "of an epoch that goes on");
}

pub(crate) async fn an_older_memory_brings_nobody_back_to_the_priority_lane(f: Fixture) {
    f.configure_as(inviting()).await;
    let visitor = f.visitor();
    let invitation = Invitation { id: InvitationId(f.id()), expires_at: f.now() + GRACE };
    f.ask(JoinRequest { invitation: Some(invitation), ..join_request(visitor, f.token()) }).await;
    let less = f.remembered(2).await;
    f.leave(visitor).await;
    let most = f.remembered_by(2, 2).await;
    let lost = f.lost(inviting()).await;
    lost.give_back(&most).await;
    lost.give_back(&less).await;
    assert_eq!(lost.line().await, Vec::<i64>::new());
}

pub(crate) async fn a_line_of_which_a_part_is_missing_goes_on_after_a_minute(f: Fixture) {
    in_mid_sale(&f).await;
    f.control(ControlChange { paused: Some(false), ..ControlChange::default() }).await;
    let remembered = f.remembered(3).await;
    let lost = f.lost(inviting()).await;
    lost.give_back(&remembered).await;
    assert_eq!(lost.stats().await.state(), QueueState::Rejoining, "two are yet to be heard");
    lost.advance(Duration::from_mins(1));
    lost.sweep().await;
    lost.settle().await;
    assert_eq!(lost.stats().await.state(), QueueState::Open);
    assert_eq!(lost.line().await, [1, 3, 5, 6, 7]);
    assert_eq!(lost.rejoin(&remembered).await, Rejoined::Refused);
}

pub(crate) async fn what_is_ordered_while_the_line_comes_back_stands(f: Fixture) {
    let (line, _) = in_mid_sale(&f).await;
    f.pause(false).await;
    let less = f.remembered(2).await;
    f.leave(line[6]).await;
    let most = f.remembered_by(2, 2).await;
    let lost = f.lost(inviting()).await;
    assert!(lost.give_back(&less).await);
    lost.pause(true).await;
    assert!(lost.give_back(&most).await);
    lost.settle().await;
    let stats = lost.stats().await;
    assert_eq!(stats.state(), QueueState::Paused);
    assert_eq!(stats.control.revision, most.memory.control.revision + 1);
}
