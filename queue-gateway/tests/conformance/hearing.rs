//! Who is heard while a store waits for what gateways remember, and when the wait is over.

use std::time::Duration;

use bytes::Bytes;
use queue_gateway::line::{
    Claim, Epoch, LogIndex, Phase, QueueState, ReadyVisitor, Rejoined, Report, Sequence, Snapshot,
};
use testkit::Redis;

use crate::{
    fixture::{Fixture, is_admitted},
    gateway::empty_report,
    rejoining::{Remembered, SECOND, in_mid_sale, inviting, nth_gateway},
    setting_back::SetBack,
};

impl Fixture {
    pub(crate) async fn is_rejoining(&self) -> bool {
        self.stats().await.state() == QueueState::Rejoining
    }

    /// A step of the nth gateway that remembers a line of this epoch, or of one that remembers none.
    async fn step_of(&self, nth: u64, epoch: Epoch, phase: Phase) {
        let report = Report { gateway: nth_gateway(nth), phase, ..empty_report(self, epoch) };
        self.engine.step(&self.queue, &report).await.unwrap();
    }

    /// Gateways that remember the line are there.
    async fn live(&self, gateways: impl IntoIterator<Item = u64>) {
        let epoch = self.stats().await.epoch;
        for nth in gateways {
            self.step_of(nth, epoch, Phase::Begins).await;
        }
    }

    /// Another server speaks for the store, which may lack the last writes.
    async fn doubts(&self) {
        let stats = self.stats().await;
        let newest = Sequence(stats.last_seq.0 + 1);
        let report = Report { newest, ..empty_report(self, stats.epoch) };
        assert!(self.engine.step(&self.queue, &report).await.unwrap().tail.rejoining);
    }

    /// Second by second somebody looks, until the line goes on; so many seconds.
    async fn waits(&self) -> u64 {
        let epoch = self.stats().await.epoch;
        let mut seconds = 0;
        while self.engine.tail(&self.queue, epoch, LogIndex(0), 1).await.unwrap().rejoining {
            self.advance(SECOND);
            self.sweep().await;
            seconds += 1;
        }
        // Until everybody has reported anew.
        seconds - 2
    }
}

/// As when all gateways were started again with their store.
pub(crate) async fn a_store_that_nobody_remembers_anything_of_goes_on_within_seconds(f: Fixture) {
    f.configure_as(inviting()).await;
    f.line_of(2).await;
    f.doubts().await;
    assert_eq!(f.waits().await, 3, "it does not know of any gateway");
    f.live([1, 2]).await;
    f.doubts().await;
    f.step_of(3, Epoch(0), Phase::Begins).await;
    f.advance(9 * SECOND);
    f.sweep().await;
    assert!(f.is_rejoining().await, "one of the two may live");
    f.step_of(4, Epoch(0), Phase::Begins).await;
    f.settle().await;
    assert!(!f.is_rejoining().await, "others were started in place of both");
    assert_eq!(f.line().await, [1, 2]);
}

pub(crate) async fn gateways_that_were_there_are_waited_for_a_minute(f: Fixture) {
    f.configure_as(inviting()).await;
    f.live([1, 2]).await;
    f.doubts().await;
    assert!(f.give_back(&f.remembered(1).await).await);
    // One that has slept remembers the line as well, and is no other.
    assert!(f.give_back(&f.remembered_by(3, 1).await).await);
    assert_eq!(f.waits().await, 60);
    f.live([1, 2]).await;
    f.doubts().await;
    assert!(f.give_back(&f.remembered(1).await).await);
    f.step_of(2, f.stats().await.epoch, Phase::Ends).await;
    assert_eq!(f.waits().await, 0, "it has stopped");
}

/// It knows of a turn that nobody else has heard of.
pub(crate) async fn a_gateway_that_is_stopped_for_seconds_is_waited_for(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(5).await;
    let [lost, store] = both.each();
    store.live([1, 2]).await;
    lost.advance(SECOND);
    let told = lost.token();
    lost.admit(line[0], told).await;
    lost.leave(line[1]).await;
    store.doubts().await;
    // The second was started again, and has nothing to tell.
    store.step_of(3, Epoch(0), Phase::Begins).await;
    store.advance(12 * SECOND);
    store.step_of(3, Epoch(0), Phase::GoesOn).await;
    store.advance(3 * SECOND);
    assert!(store.is_rejoining().await);
    assert!(store.give_back(&lost.remembered(2).await).await);
    assert_eq!(store.waits().await, 3, "nobody else is about to come");
    assert!(is_admitted(store.status(line[0]).await));
    let claim = store.engine.claim(&store.queue, told, store.member(), None).await.unwrap();
    assert!(matches!(claim, Claim::Bound { .. }), "as the site has been shown");
}

pub(crate) async fn a_slot_that_is_claimed_is_not_given_up_for_one_that_was_told_before(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(3).await;
    let [lost, store] = both.each();
    lost.advance(SECOND);
    lost.admit(line[0], lost.token()).await;
    for visitor in &line[1..] {
        lost.leave(*visitor).await;
    }
    let claimed = lost.token();
    store.admit(line[0], claimed).await;
    let holder = store.member();
    store.engine.claim(&store.queue, claimed, holder, None).await.unwrap();
    assert!(store.give_back(&lost.remembered(1).await).await);
    store.settle().await;
    let again = store.engine.claim(&store.queue, claimed, holder, None).await.unwrap();
    assert!(matches!(again, Claim::Bound { .. }));
    assert_eq!(store.stats().await.active, 1);
}

pub(crate) async fn one_gateway_at_a_time_tells_of_all_places(f: Fixture) {
    in_mid_sale(&f).await;
    let (one, other) = (f.remembered(2).await, f.remembered_by(2, 2).await);
    let lost = f.lost(inviting()).await;
    assert_eq!(lost.rejoin(&one).await, Rejoined::All);
    let since = Rejoined::Since(Sequence(7), Sequence::of_invited(0));
    assert_eq!(lost.rejoin(&other).await, since, "it knows no more");
    assert!(lost.give_back_what_is(since, &other).await);
    assert!(lost.is_rejoining().await);
    assert!(lost.give_back(&one).await);
    lost.settle().await;
    assert_eq!(lost.line().await, [1, 3, 5, 6, 7]);
}

pub(crate) async fn whoever_tells_of_a_line_is_not_cut_short(f: Fixture) {
    in_mid_sale(&f).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    let wanted = lost.rejoin(&remembered).await;
    for page in remembered.pages(wanted) {
        for _ in 0..15 {
            assert_eq!(lost.rejoin(&remembered).await, Rejoined::All);
            lost.advance(2 * SECOND);
            lost.sweep().await;
        }
        assert!(lost.engine.hand_back(&lost.queue, &page).await.unwrap());
    }
    lost.settle().await;
    assert_eq!(lost.line().await, [1, 3, 5, 6, 7]);
}

pub(crate) async fn nobody_is_waited_for_for_ever(f: Fixture) {
    in_mid_sale(&f).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    for _ in 0..299 {
        assert_eq!(lost.rejoin(&remembered).await, Rejoined::All);
        lost.advance(SECOND);
        lost.sweep().await;
    }
    assert!(lost.is_rejoining().await, "it is about to tell");
    lost.advance(SECOND);
    lost.sweep().await;
    lost.settle().await;
    assert_eq!(lost.rejoin(&remembered).await, Rejoined::Refused);
}

/// Whose list is complete.
pub(crate) async fn when_the_only_one_who_knows_more_falls_silent_the_store_goes_by_itself(f: Fixture) {
    let both = SetBack::of(f, inviting()).await;
    let line = both.line_of(5).await;
    let [lost, store] = both.each();
    let less = store.remembered_by(2, 2).await;
    lost.leave(line[0]).await;
    let more = lost.remembered(2).await;
    store.live([1, 2]).await;
    store.doubts().await;
    let wanted = store.rejoin(&more).await;
    assert_eq!(wanted, Rejoined::All);
    assert!(store.engine.hand_back(&store.queue, &more.pages(wanted)[1]).await.unwrap());
    assert_ne!(store.rejoin(&less).await, Rejoined::All);
    assert!(store.give_back(&less).await);
    store.advance(3 * SECOND);
    assert_eq!(store.rejoin(&less).await, Rejoined::Nothing);
    assert_eq!(store.waits().await, 1);
    let Remembered { memory, .. } = &more;
    assert!(store.stats().await.log_head > memory.log_head, "what was handed back meanwhile is in no log");
    assert_eq!(store.line().await, [2, 3, 4, 5], "whom it had told of");
    let ready = ReadyVisitor { visitor: line[4], seq: Sequence(5), network: None, due_in: Duration::ZERO };
    let report = Report { ready: vec![ready], ..empty_report(store, memory.epoch) };
    assert_eq!(store.engine.step(&store.queue, &report).await.unwrap().stats.ready, 1);
}

/// A late gateway would build upon what is not there any more.
pub(crate) async fn no_snapshot_of_an_earlier_history_is_kept(f: Fixture) {
    f.configure_as(inviting()).await;
    let line = f.line_of(3).await;
    f.leave(line[0]).await;
    let stats = f.stats().await;
    let snapshot =
        Snapshot { epoch: stats.epoch, history: stats.history, log_head: stats.log_head, order: Bytes::from("bits") };
    f.doubts().await;
    let publish = async |history| {
        let snapshot = Snapshot { history, ..snapshot.clone() };
        f.engine.publish(&f.queue, &snapshot).await.unwrap().0
    };
    assert_eq!(publish(stats.history).await, 0, "it may lack what gateways remember");
    assert!(f.give_back(&f.remembered(1).await).await);
    f.settle().await;
    let after = f.stats().await;
    assert_eq!(after.log_head, stats.log_head);
    assert_ne!(after.history, stats.history);
    assert_eq!(publish(stats.history).await, 0);
    assert_eq!(publish(after.history).await, after.log_head.0);
}

/// Every gateway sends one, and a line may have millions of places.
#[tokio::test]
async fn a_page_with_nothing_in_it_reads_nothing_of_the_line() {
    let redis = Redis::start().await;
    let f = Fixture::on_redis(redis.url(), "cost").await;
    f.configure_as(inviting()).await;
    f.line_of(3).await;
    f.live([1, 2]).await;
    f.doubts().await;
    let remembered = f.remembered(2).await;
    let wanted = f.rejoin(&remembered).await;
    assert!(matches!(wanted, Rejoined::Since(..)));
    redis.call(&["CONFIG", "RESETSTAT"]).await;
    assert!(f.give_back_what_is(wanted, &remembered).await);
    let stats = redis.call(&["INFO", "commandstats"]).await;
    let stats = stats.text().unwrap();
    assert!(stats.contains("cmdstat_evalsha"), "{stats}");
    assert!(!stats.contains("cmdstat_zrange"), "{stats}");
}

/// Entries of two logs say nothing of one another: whoever was away for a whole wait may have read more of the former.
pub(crate) async fn of_two_histories_the_later_one_counts_however_long_the_log_of_the_other(f: Fixture) {
    f.configure_as(inviting()).await;
    f.line_of(3).await;
    f.live([1, 2]).await;
    let mut earlier = f.remembered_by(2, 2).await;
    earlier.memory.log_head.0 += 10;
    f.doubts().await;
    assert!(f.give_back(&f.remembered_by(1, 1).await).await);
    assert_eq!(f.waits().await, 60);
    f.live([1]).await;
    assert!(f.stats().await.history > earlier.memory.history);
    assert_eq!(f.rejoin(&earlier).await, Rejoined::Refused);
    assert!(!f.is_rejoining().await);

    f.doubts().await;
    let now = f.remembered_by(1, 2).await;
    assert_eq!(f.rejoin(&now).await, Rejoined::Since(Sequence(3), Sequence::of_invited(0)));
    assert_eq!(f.rejoin(&earlier).await, Rejoined::Refused);
    assert!(f.give_back(&now).await);
    f.settle().await;
    assert!(!f.is_rejoining().await, "nobody waits for what the other remembers");

    // A store that was set back to before the last wait.
    let mut later = f.remembered(1).await;
    later.memory.history.0 += 1;
    later.memory.log_head = LogIndex(0);
    assert_eq!(f.rejoin(&later).await, Rejoined::All);
    assert!(f.give_back(&later).await);
    f.settle().await;
    let stats = f.stats().await;
    assert!(stats.history > later.memory.history && stats.log_head > later.memory.log_head);
    assert_eq!(f.line().await, [1, 2, 3]);
}

pub(crate) async fn no_clock_that_is_set_back_makes_a_wait_longer(f: Fixture) {
    f.configure_as(inviting()).await;
    f.live([1]).await;
    f.doubts().await;
    f.clock.step_back(Duration::from_hours(1));
    assert_eq!(f.waits().await, 61, "it begins anew with the next step");
    f.live([1]).await;
    f.doubts().await;
    assert!(f.give_back(&f.remembered(1).await).await);
    assert!(f.is_rejoining().await, "until everybody has reported");
    f.clock.step_back(Duration::from_hours(1));
    f.sweep().await;
    assert!(!f.is_rejoining().await);
}
