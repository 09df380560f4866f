//! A store that has lost its last writes, as in a fail-over, and is given back what gateways remember of them.

use std::time::Duration;

use contract::ids::{ActiveTokenId, MemberId, VisitorId};
use queue_gateway::line::{
    BY_GATEWAYS, Baseline, Claim, Contact, Invitation, InvitationId, JoinRequest, LineChange, NoJoins, Opening, Place,
    Progress, QueueState, ReadyVisitor, Rejoined, Report, Schedule, Sequence, Standing,
};

use crate::{
    fixture::{ARRIVE, CLAIM, Fixture, GRACE, baseline, is_admitted, join_request, waiting},
    gateway::empty_report,
    rejoining::{SECOND, inviting},
};

/// Two queues with one history: what is done to both is kept, and what is done to the first alone is lost with the last
/// writes of the second.
pub(crate) struct SetBack {
    first: Fixture,
    second: Fixture,
}

impl SetBack {
    /// They begin at one moment, so their epoch is the same.
    pub(crate) async fn of(first: Fixture, baseline: Baseline) -> Self {
        let second = first.twin("set-back");
        let both = Self { first, second };
        for f in both.each() {
            f.configure_as(baseline.clone()).await;
        }
        both
    }

    pub(crate) fn each(&self) -> [&Fixture; 2] {
        [&self.first, &self.second]
    }

    pub(crate) async fn line_of(&self, count: usize) -> Vec<VisitorId> {
        let line = self.first.line_of(count).await;
        for visitor in &line {
            self.second.join(*visitor).await;
        }
        line
    }

    /// Second by second one of these is admitted, under the same token in both.
    async fn admit(&self, visitors: &[VisitorId]) -> Vec<ActiveTokenId> {
        let tokens = self.first.tokens(visitors.len());
        for (visitor, token) in visitors.iter().zip(&tokens) {
            self.first.advance(SECOND);
            for f in self.each() {
                f.admit(*visitor, *token).await;
            }
        }
        tokens
    }
}

impl Fixture {
    pub(crate) async fn admit(&self, visitor: VisitorId, token: ActiveTokenId) {
        let mut gateway = self.gateway_with(&[visitor]).await;
        assert_eq!(gateway.step_with(vec![token]).await.admitted, 1);
        gateway.end().await;
    }

    pub(crate) async fn claim(&self, token: ActiveTokenId, holder: MemberId) -> Claim {
        self.engine.claim(&self.queue, token, holder, None).await.unwrap()
    }

    pub(crate) async fn come_back(&self, visitor: VisitorId, seq: i64) -> Standing {
        let held = Some(Place { epoch: self.stats().await.epoch, seq: Sequence(seq) });
        self.ask(JoinRequest { held, ..join_request(visitor, self.token()) }).await.standing
    }
}

pub(crate) async fn a_store_that_was_set_back_has_everything_again(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(5).await;
    let [lost, store] = both.each();
    lost.advance(SECOND);
    lost.admit(line[0], lost.token()).await;
    lost.leave(line[3]).await;
    let late = lost.line_of(2).await;
    let (before, remembered) = (lost.stats().await, lost.remembered(1).await);
    assert!(store.give_back(&remembered).await);
    store.settle().await;
    assert_eq!(store.line().await, [2, 3, 5, 6, 7]);
    let after = store.stats().await;
    assert_eq!((after.epoch, after.extent()), (before.epoch, before.extent()));
    assert!(after.log_head > before.log_head, "nobody goes on from another history");
    assert_eq!((after.totals, after.active), (before.totals, 1));
    assert_eq!(store.status(line[1]).await, waiting(2), "whom the store knew is named");
    assert!(is_admitted(store.status(line[0]).await), "who was told so is admitted");
    assert!(is_admitted(store.come_back(line[0], 1).await), "and nobody has two turns");
    assert_eq!(store.come_back(late[1], 7).await, waiting(7));
    assert_eq!(store.come_back(line[3], 4).await, waiting(8), "whoever has left comes as anybody");
}

pub(crate) async fn a_memory_of_less_changes_nothing(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(5).await;
    let [lost, store] = both.each();
    let less = lost.remembered(2).await;
    for f in both.each() {
        f.leave(line[0]).await;
    }
    assert_eq!(store.rejoin(&less).await, Rejoined::Refused, "the store has lost nothing");
    lost.leave(line[1]).await;
    let more = lost.remembered_by(2, 2).await;
    // One that follows what is not here makes the store ask.
    let report = Report { newest: Sequence(6), ..empty_report(store, more.memory.epoch) };
    assert!(store.engine.step(&store.queue, &report).await.unwrap().tail.rejoining);
    assert_eq!(store.rejoin(&less).await, Rejoined::Since(Sequence(5), Sequence::of_invited(0)));
    assert_eq!(store.rejoin(&more).await, Rejoined::All);
    assert_eq!(store.rejoin(&less).await, Rejoined::Since(Sequence(5), Sequence::of_invited(0)));
    assert!(store.give_back(&more).await);
    assert!(store.give_back(&less).await);
    store.settle().await;
    assert_eq!(store.line().await, [3, 4, 5], "what the store has let go since does not come back");
}

/// Two gateways each know of joins that the other does not, and the log says nothing of either.
pub(crate) async fn joins_alone_are_given_back(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    both.line_of(3).await;
    let [lost, store] = both.each();
    lost.line_of(2).await;
    let remembered = lost.remembered(1).await;
    assert!(store.give_back(&remembered).await);
    store.settle().await;
    assert_eq!(store.line().await, [1, 2, 3, 4, 5]);
    assert_eq!(store.join(lost.visitor()).await.standing, waiting(6), "no place is given twice");
}

pub(crate) async fn nothing_happens_in_a_line_that_waits_for_its_gateways(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(3).await;
    let [lost, store] = both.each();
    both.admit(&line[..1]).await;
    lost.leave(line[2]).await;
    let remembered = lost.remembered(2).await;
    assert_eq!(store.rejoin(&remembered).await, Rejoined::All);
    let head = store.stats().await.log_head;
    // The time to arrive would be over.
    store.advance(2 * ARRIVE);
    let at = |visitor, seq| ReadyVisitor { visitor, seq: Sequence(seq), network: None, due_in: Duration::ZERO };
    let epoch = remembered.memory.epoch;
    let report = Report { ready: vec![at(line[1], 2)], candidates: store.tokens(2), ..empty_report(store, epoch) };
    let step = store.engine.step(&store.queue, &report).await.unwrap();
    assert_eq!((step.admitted, step.stats.ready, step.stats.log_head, step.stats.active), (0, 0, head, 1));
    assert!(store.engine.leave(&store.queue, line[1]).await.is_err());
    assert!(store.engine.status(&store.queue, line[0]).await.is_err());
    // The other gateway comes after a minute, and still nobody's time has run out.
    let other = lost.remembered_by(2, 2).await;
    assert!(store.give_back(&remembered).await && store.give_back(&other).await);
    store.settle().await;
    assert!(is_admitted(store.status(line[0]).await));
}

/// What is waited for ends with a step, and then they who are there are yet to be reported.
pub(crate) async fn nobody_goes_straight_in_before_a_gateway_has_reported(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(3).await;
    let [lost, store] = both.each();
    lost.leave(line[2]).await;
    assert!(store.give_back(&lost.remembered(2).await).await);
    store.advance(Duration::from_mins(2));
    let newcomer = lost.visitor();
    let refused = store.engine.join(&store.queue, join_request(newcomer, lost.token())).await.unwrap();
    assert_eq!(refused, Err(NoJoins::Rejoining.into()));
    store.settle().await;
    store.settle().await;
    store.advance(SECOND);
    assert_eq!(store.come(newcomer).await.standing, waiting(4));
    store.gateway().await.step(0).await;
    store.advance(SECOND);
    assert!(is_admitted(store.come(lost.visitor()).await.standing), "nobody is there");
}

pub(crate) async fn whoever_hands_back_half_of_a_line_takes_nobodys_turn(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(7).await;
    let [lost, store] = both.each();
    lost.advance(SECOND);
    let token = lost.token();
    lost.admit(line[1], token).await;
    let remembered = lost.remembered(1).await;
    let wanted = store.rejoin(&remembered).await;
    for page in &remembered.pages(wanted)[..2] {
        store.engine.hand_back(&store.queue, page).await.unwrap();
    }
    // It has died.
    store.advance(Duration::from_mins(2));
    store.settle().await;
    store.settle().await;
    match store.status(line[1]).await {
        Standing::Admitted { admission, .. } => assert_eq!(admission.token, token),
        other => panic!("expected to be admitted, is {other:?}"),
    }
    assert_eq!(store.line().await, [1, 3, 4, 5, 6, 7]);
}

pub(crate) async fn whoever_went_straight_in_from_another_place_has_the_slot(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(2).await;
    let [lost, store] = both.each();
    let invitation = Some(Invitation { id: InvitationId(lost.id()), expires_at: lost.now() + GRACE });
    let contact = Some(Contact { network: None });
    let joined = lost.ask(JoinRequest { invitation, contact, ..join_request(line[0], lost.token()) }).await;
    assert!(is_admitted(joined.standing));
    assert!(store.give_back(&lost.remembered(1).await).await);
    store.settle().await;
    assert!(is_admitted(store.status(line[0]).await));
    assert_eq!(store.line().await, [2]);
}

/// Gateways that go on by the log must not take them for ready.
pub(crate) async fn whoever_was_ready_and_is_not_reported_anew_is_away(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(2).await;
    let [lost, store] = both.each();
    both.admit(&line[1..]).await;
    let mut gateway = store.gateway_with(&line[..1]).await;
    gateway.step(0).await;
    assert_eq!(store.front().await, [1]);
    lost.line_of(1).await;
    assert!(store.give_back(&lost.remembered(2).await).await);
    store.advance(Duration::from_millis(60_037));
    store.sweep().await;
    assert_eq!(store.log().await.last(), Some(&LineChange::Away { seq: Sequence(1) }));
    assert_eq!((store.front().await, store.line().await), (vec![], vec![1, 3]));
}

pub(crate) async fn a_lost_pause_stays_a_pause(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    both.line_of(2).await;
    let [lost, store] = both.each();
    lost.pause(true).await;
    let remembered = lost.remembered(1).await;
    assert!(store.give_back(&remembered).await, "it is in no log");
    store.settle().await;
    assert_eq!(store.stats().await.state(), QueueState::Paused);
    assert_eq!(store.stats().await.control.revision, remembered.memory.control.revision);
    assert_eq!(store.engine.changes(&store.queue, 1).await.unwrap()[0].by, BY_GATEWAYS);
}

pub(crate) async fn whoever_had_arrived_in_the_lost_stretch_is_no_no_show(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(3).await;
    let [lost, store] = both.each();
    let tokens = both.admit(&line[..2]).await;
    lost.engine.arrive(&lost.queue, tokens[0]).await.unwrap();
    lost.leave(line[2]).await;
    assert!(store.give_back(&lost.remembered(1).await).await);
    store.settle().await;
    store.advance(ARRIVE + SECOND);
    store.sweep().await;
    assert!(is_admitted(store.status(line[0]).await), "nobody knows that they have not come");
    let claim = store.engine.claim(&store.queue, tokens[0], store.member(), None).await.unwrap();
    assert!(matches!(claim, Claim::Bound { .. }));
}

/// One had been admitted before, the other in the lost stretch too.
pub(crate) async fn a_claim_of_the_lost_stretch_is_its_holders(f: Fixture) {
    let both = SetBack::of(f, baseline(1.0, 2)).await;
    let line = both.line_of(3).await;
    let [lost, store] = both.each();
    let known = both.admit(&line[..1]).await[0];
    lost.advance(SECOND);
    let unknown = lost.token();
    lost.admit(line[1], unknown).await;
    let holders = [lost.member(), lost.member()];
    let before = lost.stats().await;
    for (token, holder) in [known, unknown].into_iter().zip(holders) {
        lost.claim(token, holder).await;
    }
    assert!(store.give_back(&lost.remembered(1).await).await);
    store.settle().await;
    // Had nobody claimed them, they would be lost.
    store.advance(2 * CLAIM);
    store.sweep().await;
    let after = store.stats().await;
    assert_eq!((after.active, after.unclaimed), (2, 0), "they count against the cap");
    assert!(after.epoch == before.epoch && after.log_head > before.log_head);
    for ((visitor, token), holder) in line.iter().zip([known, unknown]).zip(holders) {
        let Standing::Admitted { admission, .. } = store.status(*visitor).await else { panic!("no slot") };
        assert_eq!((admission.token, admission.progress), (token, Progress::Claimed));
        let head = after.log_head;
        assert!(matches!(store.claim(token, holder).await, Claim::Bound { .. }));
        assert_eq!(store.claim(token, store.member()).await, Claim::HeldByAnother);
        assert_eq!(store.stats().await.log_head, head, "it has been told");
        assert!(is_admitted(store.leave(*visitor).await) && is_admitted(store.status(*visitor).await));
        assert!(is_admitted(store.join(*visitor).await.standing), "no second turn");
    }
    assert_eq!(store.come(line[2]).await.standing, waiting(3), "the cap is full");
    assert!(store.engine.release(&store.queue, known).await.unwrap());
    assert!(!is_admitted(store.status(line[0]).await));
}

pub(crate) async fn whoever_has_claimed_here_stays_the_holder(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(2).await;
    let [lost, store] = both.each();
    let token = both.admit(&line[..1]).await[0];
    lost.claim(token, lost.member()).await;
    lost.leave(line[1]).await;
    let here = store.member();
    store.claim(token, here).await;
    assert!(store.give_back(&lost.remembered(1).await).await);
    store.settle().await;
    assert!(matches!(store.claim(token, here).await, Claim::Bound { .. }), "it was told so");
}

/// A slot that ended in the lost stretch ends again, and gives its visitor the place once.
pub(crate) async fn a_place_that_came_back_in_the_lost_stretch_comes_back_once(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(2).await;
    let [lost, store] = both.each();
    both.admit(&line[..1]).await;
    lost.advance(ARRIVE);
    lost.sweep().await;
    assert_eq!(lost.status(line[0]).await, waiting(1), "a first no-show has the place again");
    assert!(store.give_back(&lost.remembered(1).await).await);
    store.settle().await;
    assert_eq!((store.line().await, store.stats().await.active), (vec![1, 2], 0));
    assert_eq!(store.come_back(line[0], 1).await, waiting(1));
    store.sweep().await;
    assert_eq!(store.line().await, [1, 2]);
}

/// That the numbers are closed is in no log before the draw is decided.
pub(crate) async fn the_numbers_of_a_draw_stay_closed(f: Fixture) {
    let opens_at = Some(f.now() + Duration::from_mins(1));
    let beacon_source = Some("the lottery of Saturday".to_owned());
    let pre_queue = Duration::from_mins(1);
    let schedule = Schedule { opens_at, pre_queue, opening: Opening::Draw, beacon_source, ..Schedule::default() };
    let both = SetBack::of(f, Baseline { schedule, ..baseline(1.0, 100) }).await;
    both.line_of(3).await;
    let [lost, store] = both.each();
    lost.advance(Duration::from_mins(1));
    lost.sweep().await;
    let late = lost.line_of(2).await;
    assert_eq!(lost.status(late[1]).await, waiting(5));
    assert!(store.give_back(&lost.remembered(1).await).await);
    store.settle().await;
    assert_eq!(store.stats().await.control.draw, lost.stats().await.control.draw);
    assert_eq!(store.line().await, lost.line().await);
}
