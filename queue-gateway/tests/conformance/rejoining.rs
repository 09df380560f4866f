//! A line that gateways give back to a store that has lost it.

use std::time::Duration;

use contract::ids::{ActiveTokenId, QueueName, VisitorId};
use queue_gateway::engine::{QueueEngine, redis::RedisEngine};
use queue_gateway::line::{
    Baseline, Beginning, Claim, Contact, ControlChange, Epoch, GatewayId, Invitations, JoinRefused, JoinRequest,
    Joined, LineChange, LogIndex, Memory, MemoryPage, NoJoins, Opening, Phase, Place, QueueState, Readmission,
    ReadyVisitor, Rejoined, RememberedSlot, Report, Revocation, Schedule, Sequence, Share, Standing, Stats,
    is_given_after,
};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, GRACE, SECRET, baseline, is_admitted, join_request, until_done, waiting},
    gateway::{empty_report, first_report},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// What a gateway remembers.
pub(crate) struct Remembered {
    pub(crate) memory: Memory,
    pub(crate) places: Vec<Sequence>,
    slots: Vec<RememberedSlot>,
    ended: Vec<ActiveTokenId>,
}

impl Remembered {
    /// What is wanted of it, some places at a time, as gateways hand it back.
    pub(crate) fn pages(&self, wanted: Rejoined) -> Vec<MemoryPage> {
        let Self { memory, places, slots, ended } = self;
        let last = match wanted {
            Rejoined::Nothing | Rejoined::Refused => panic!("nothing is wanted"),
            Rejoined::All => None,
            Rejoined::Since(last_seq, last_invited) => Some((last_seq, last_invited)),
        };
        let is_wanted = |seq: &Sequence| last.is_none_or(|last| is_given_after(*seq, last));
        let wanted: Vec<Sequence> = places.iter().copied().filter(is_wanted).collect();
        let page = |above, through, places: &[Sequence]| MemoryPage {
            gateway: memory.gateway,
            epoch: memory.epoch,
            log_head: memory.log_head,
            known: (memory.extent.last_seq, memory.extent.last_invited),
            is_whole: last.is_none(),
            above,
            through,
            places: places.to_vec(),
            slots: Vec::new(),
            ended: Vec::new(),
            is_last: false,
        };
        let slots = slots.clone();
        let mut pages = vec![MemoryPage { slots, ..page(Sequence::FIRST, Sequence::FIRST, &[]) }];
        let mut above = Sequence::FIRST;
        for places in wanted.chunks(3) {
            let through = places[places.len() - 1];
            pages.push(page(above, through, places));
            above = through;
        }
        pages.push(MemoryPage { ended: ended.clone(), is_last: true, ..page(above, Sequence::LAST, &[]) });
        pages
    }
}

/// Of those who remember a line.
pub(crate) fn nth_gateway(nth: u64) -> GatewayId {
    GatewayId(Uuid::from_u64_pair(7, nth))
}

/// What the nth of so many gateways remembers in numbers.
fn memory(nth: u64, of: u64, stats: Stats) -> Memory {
    Memory {
        gateway: nth_gateway(nth),
        gateways: (1..=of).map(nth_gateway).collect(),
        epoch: stats.epoch,
        history: stats.history,
        log_head: stats.log_head,
        extent: stats.extent(),
        totals: stats.totals,
        control: stats.control,
    }
}

/// A gateway that knows no more than the store tells it so, after a fail-over or a restart.
pub(crate) async fn reassure(engine: &RedisEngine, queue: &QueueName) {
    let stats = until_done(async || engine.stats(queue).await).await;
    let report = Report { gateway: nth_gateway(1), ..first_report(stats.epoch) };
    assert!(until_done(async || engine.step(queue, &report).await).await.tail.rejoining);
    let memory = memory(1, 1, stats);
    let wanted = until_done(async || engine.rejoin(queue, &memory).await).await;
    let known = (memory.extent.last_seq, memory.extent.last_invited);
    assert_eq!(wanted, Rejoined::Since(known.0, known.1));
    let Memory { gateway, epoch, log_head, .. } = memory;
    let page = MemoryPage {
        gateway,
        epoch,
        log_head,
        known,
        is_whole: false,
        above: Sequence::FIRST,
        through: Sequence::LAST,
        places: Vec::new(),
        slots: Vec::new(),
        ended: Vec::new(),
        is_last: true,
    };
    assert!(until_done(async || engine.hand_back(queue, &page).await).await);
}

impl Fixture {
    /// What the first of so many gateways remembers that has followed the queue up to here.
    pub(crate) async fn remembered(&self, of: u64) -> Remembered {
        self.remembered_by(1, of).await
    }

    /// The same of the nth.
    pub(crate) async fn remembered_by(&self, nth: u64, of: u64) -> Remembered {
        let stats = self.stats().await;
        let slots = self.engine.slots(&self.queue, None, usize::MAX).await.unwrap();
        let admitted = self.log().await.into_iter().filter_map(|entry| match entry {
            LineChange::Admitted { admission, .. } => Some(admission.token),
            _ => None,
        });
        let ended = admitted.filter(|token| slots.iter().all(|slot| slot.token != *token)).collect();
        let memory = memory(nth, of, stats);
        let places = self.line().await.into_iter().map(Sequence).collect();
        Remembered { memory, places, slots, ended }
    }

    /// A store that has lost the queue, and is told that somebody knew it.
    pub(crate) async fn lost(&self, baseline: Baseline) -> Self {
        self.lost_again(0, baseline).await
    }

    pub(crate) async fn lost_again(&self, nth: usize, baseline: Baseline) -> Self {
        let lost = self.twin(&format!("lost-{nth}"));
        // The epoch that it begins is a later one.
        self.advance_ms(1);
        let beginning = Beginning { secret: SECRET, may_be_known: true };
        lost.engine.configure(&lost.queue, baseline, beginning).await.unwrap();
        lost
    }

    pub(crate) async fn rejoin(&self, remembered: &Remembered) -> Rejoined {
        self.engine.rejoin(&self.queue, &remembered.memory).await.unwrap()
    }

    /// Hands back all that is wanted, some places at a time. Returns whether every page was taken.
    pub(crate) async fn give_back(&self, remembered: &Remembered) -> bool {
        let wanted = self.rejoin(remembered).await;
        self.give_back_what_is(wanted, remembered).await
    }

    /// The line is back, and everybody has reported anew who is there.
    pub(crate) async fn settle(&self) {
        self.advance(2 * SECOND);
        self.sweep().await;
    }

    pub(crate) async fn give_back_what_is(&self, wanted: Rejoined, remembered: &Remembered) -> bool {
        let mut taken = true;
        for page in remembered.pages(wanted) {
            taken &= self.engine.hand_back(&self.queue, &page).await.unwrap();
        }
        taken
    }

    async fn come_with(&self, visitor: VisitorId, epoch: Epoch, seq: Sequence) -> Joined {
        self.ask(JoinRequest { held: Some(Place { epoch, seq }), ..join_request(visitor, self.token()) }).await
    }
}

pub(crate) fn inviting() -> Baseline {
    let invitations = Share::of_thousandths(200).map(|share| Invitations { share, presale: Duration::ZERO });
    Baseline { invitations, ..baseline(1.0, 100) }
}

/// A queue in mid-sale: one admitted, one who has left, five who wait, one of whom was passed.
pub(crate) async fn in_mid_sale(f: &Fixture) -> (Vec<VisitorId>, VisitorId) {
    f.configure_as(inviting()).await;
    let line = f.line_of(7).await;
    let mut gateway = f.gateway_with(&line[1..2]).await;
    f.advance(SECOND);
    gateway.step(1).await;
    gateway.end().await;
    f.leave(line[3]).await;
    f.control(ControlChange { paused: Some(true), rate_per_second: Some(Some(5.0)), ..ControlChange::default() }).await;
    (line.clone(), line[1])
}

pub(crate) async fn a_line_that_is_handed_back_is_as_it_was(f: Fixture) {
    let (line, admitted) = in_mid_sale(&f).await;
    let before = f.stats().await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    assert!(lost.stats().await.epoch > before.epoch);
    assert!(lost.give_back(&remembered).await);
    lost.settle().await;
    assert_eq!(lost.line().await, [1, 3, 5, 6, 7]);
    let after = lost.stats().await;
    assert_eq!((after.epoch, after.extent(), after.totals), (before.epoch, before.extent(), before.totals));
    assert_eq!((after.active, after.unclaimed), (1, 1));
    assert!(after.log_head > before.log_head, "nobody goes on from another history");
    assert_eq!(after.control, before.control, "what operators ordered stands");
    assert!(is_admitted(lost.status(admitted).await));
    assert_eq!(lost.join(lost.visitor()).await.standing, waiting(8), "nothing is given twice");
    let back = lost.come_with(line[4], before.epoch, Sequence(5)).await;
    assert_eq!((back.standing, back.fresh), (waiting(5), false));
    assert_eq!((lost.status(line[4]).await, lost.line().await), (waiting(5), vec![1, 3, 5, 6, 7, 8]));
    let gone = lost.come_with(line[3], before.epoch, Sequence(4)).await;
    assert_eq!((gone.standing, gone.fresh), (waiting(9), true), "whoever has left comes as anybody");
}

pub(crate) async fn nobody_joins_or_is_admitted_until_the_line_is_back(f: Fixture) {
    let (line, _) = in_mid_sale(&f).await;
    f.control(ControlChange { paused: Some(false), ..ControlChange::default() }).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    let refused = async || lost.engine.join(&lost.queue, join_request(lost.visitor(), lost.token())).await.unwrap();
    assert_eq!(refused().await, Err(NoJoins::Rejoining.into()));
    assert_eq!(lost.rejoin(&remembered).await, Rejoined::All);
    assert_eq!((refused().await, lost.stats().await.state()), (Err(NoJoins::Rejoining.into()), QueueState::Rejoining));
    let epoch = remembered.memory.epoch;
    assert!(lost.engine.tail(&lost.queue, epoch, LogIndex(0), 1).await.unwrap().rejoining);
    let ready = ReadyVisitor { visitor: line[0], seq: Sequence(1), network: None, due_in: Duration::ZERO };
    let report = Report { ready: vec![ready], candidates: lost.tokens(3), ..empty_report(&lost, epoch) };
    lost.advance(SECOND);
    assert_eq!(lost.engine.step(&lost.queue, &report).await.unwrap().admitted, 0);
    lost.give_back_what_is(Rejoined::All, &remembered).await;
    let again = Report { number: 2, candidates: lost.tokens(3), ..report.clone() };
    let step = lost.engine.step(&lost.queue, &again).await.unwrap();
    assert_eq!((step.admitted, step.known, step.stats.ready), (0, true, 1), "a gateway that begins anew");
    assert_eq!(refused().await, Err(NoJoins::Rejoining.into()), "others may be yet to report who is there");
    assert!(lost.engine.status(&lost.queue, line[0]).await.is_err(), "nor does the store say anything of anybody");
    assert!(lost.engine.leave(&lost.queue, line[0]).await.is_err());
    lost.advance(2 * SECOND);
    assert_eq!(lost.stats().await.state(), QueueState::Open);
    assert!(!lost.engine.tail(&lost.queue, epoch, LogIndex(0), 1).await.unwrap().rejoining);
    let again = Report { number: 3, phase: Phase::GoesOn, candidates: lost.tokens(3), ..report.clone() };
    assert_eq!(lost.engine.step(&lost.queue, &again).await.unwrap().admitted, 0, "no credit is banked");
    assert_eq!(refused().await.unwrap().standing, waiting(8));
    lost.advance(SECOND);
    let again = Report { number: 4, ..again };
    assert_eq!(lost.engine.step(&lost.queue, &again).await.unwrap().admitted, 1);
    assert!(is_admitted(lost.status(line[0]).await));
}

pub(crate) async fn a_store_that_nobody_remembers_waits_for_some_seconds(f: Fixture) {
    let lost = f.lost(baseline(1.0, 10)).await;
    let epoch = lost.stats().await.epoch;
    lost.advance(5 * SECOND);
    assert_eq!(lost.stats().await.state(), QueueState::Open);
    assert_eq!(lost.join(lost.visitor()).await.standing, waiting(1));
    lost.sweep().await;
    let stats = lost.stats().await;
    assert_eq!((stats.epoch, stats.control.rejoining_until), (epoch, None));
}

pub(crate) async fn whoever_is_reported_at_a_place_that_was_handed_back_has_it(f: Fixture) {
    let (line, admitted) = in_mid_sale(&f).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    lost.give_back(&remembered).await;
    let at =
        |visitor: VisitorId, seq| ReadyVisitor { visitor, seq: Sequence(seq), network: None, due_in: Duration::ZERO };
    let stranger = lost.visitor();
    // At their places, at one that is free, at one of somebody else, and somebody who was admitted.
    let ready = vec![at(line[0], 1), at(line[4], 5), at(line[3], 4), at(stranger, 5), at(admitted, 6)];
    let report = Report { ready, ..empty_report(&lost, remembered.memory.epoch) };
    lost.settle().await;
    let step = lost.engine.step(&lost.queue, &report).await.unwrap();
    assert!(step.known);
    assert_eq!(step.stats.ready, 2);
    assert_eq!((lost.status(line[0]).await, lost.status(line[4]).await), (waiting(1), waiting(5)));
    assert_eq!(lost.status(stranger).await, Standing::UNKNOWN);
    assert_eq!(lost.front().await, [1], "whoever was passed is next");
    assert_eq!(lost.line().await, [1, 3, 5, 6, 7]);
}

pub(crate) async fn a_place_that_was_handed_back_is_given_to_one_who_comes_with_its_token(f: Fixture) {
    let (line, _) = in_mid_sale(&f).await;
    let remembered = f.remembered(1).await;
    let epoch = remembered.memory.epoch;
    let lost = f.lost(inviting()).await;
    lost.give_back(&remembered).await;
    lost.settle().await;
    assert_eq!(lost.come_with(line[5], epoch, Sequence(6)).await.standing, waiting(6));
    assert_eq!(lost.come_with(line[5], epoch, Sequence(6)).await.standing, waiting(6));
    assert_eq!(lost.come_with(lost.visitor(), epoch, Sequence(6)).await.standing, waiting(8), "it is somebody's");
    assert_eq!(lost.come_with(line[5], epoch, Sequence(7)).await.standing, waiting(6), "one place a visitor");
    lost.leave(line[5]).await;
    assert_eq!(lost.come_with(line[5], epoch, Sequence(6)).await.standing, waiting(9), "once");
}

pub(crate) async fn a_line_that_goes_on_is_not_given_back(f: Fixture) {
    in_mid_sale(&f).await;
    let remembered = f.remembered(1).await;
    assert_eq!(f.rejoin(&remembered).await, Rejoined::Refused);
    let lost = f.twin("lost");
    lost.configure_as(inviting()).await;
    lost.line_of(1).await;
    assert_eq!(lost.rejoin(&remembered).await, Rejoined::Refused, "somebody has joined a later epoch");
    assert!(!lost.give_back_what_is(Rejoined::All, &remembered).await);
    assert_eq!(lost.line().await, [1]);
}

pub(crate) async fn those_who_were_passed_have_the_whole_grace_time_anew(f: Fixture) {
    in_mid_sale(&f).await;
    f.control(ControlChange { paused: Some(false), ..ControlChange::default() }).await;
    f.advance(GRACE - SECOND);
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    lost.give_back(&remembered).await;
    lost.settle().await;
    lost.advance(GRACE - SECOND);
    lost.sweep().await;
    assert_eq!(lost.line().await, [1, 3, 5, 6, 7]);
    lost.advance(SECOND);
    lost.sweep().await;
    assert_eq!(lost.line().await, [3, 5, 6, 7]);
}

pub(crate) async fn the_slots_that_are_handed_back_count_and_do_not_come_to_life_again(f: Fixture) {
    let (line, admitted) = in_mid_sale(&f).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    lost.give_back(&remembered).await;
    lost.settle().await;
    let (token, expires_at) = match lost.status(admitted).await {
        Standing::Admitted { admission, .. } => (admission.token, admission.expires_at),
        other => panic!("expected to be admitted, is {other:?}"),
    };
    assert_eq!(expires_at, remembered.slots[0].expires_at);
    lost.advance(2 * GRACE);
    lost.sweep().await;
    assert!(is_admitted(lost.status(admitted).await), "nobody knows that they have not come");
    assert_eq!(lost.engine.revoke(&lost.queue, token).await.unwrap(), Revocation::Ended);
    assert_eq!((lost.stats().await.active, lost.line().await.len()), (0, 5));
    assert_eq!(
        lost.come_with(line[1], remembered.memory.epoch, Sequence(2)).await.standing,
        waiting(8),
        "no second turn"
    );
}

pub(crate) async fn a_claimed_slot_is_handed_back_as_its_holders(f: Fixture) {
    let (_, admitted) = in_mid_sale(&f).await;
    let (holder, slot) = (f.member(), f.remembered(1).await.slots[0]);
    f.claim(slot.token, holder).await;
    let remembered = f.remembered(1).await;
    assert_eq!(remembered.slots, [RememberedSlot { holder: Some(holder), ..slot }]);
    let lost = f.lost(inviting()).await;
    lost.give_back(&remembered).await;
    lost.settle().await;
    let stats = lost.stats().await;
    assert_eq!((stats.active, stats.unclaimed, stats.totals.arrived), (1, 0, 1));
    assert_eq!(lost.engine.revoke(&lost.queue, slot.token).await.unwrap(), Revocation::Claimed, "the site ends it");
    assert!(is_admitted(lost.leave(admitted).await));
    assert_eq!(lost.claim(slot.token, lost.member()).await, Claim::HeldByAnother);
    assert_eq!(lost.claim(slot.token, holder).await, Claim::Bound { expires_at: slot.expires_at });
    lost.advance(slot.expires_at.duration_since(lost.now()).try_into().unwrap());
    assert_eq!(lost.stats().await.active, 0);
}

pub(crate) async fn a_draw_that_is_handed_back_goes_on(f: Fixture) {
    let opens_at = Some(f.now() + Duration::from_mins(1));
    let schedule =
        Schedule { opens_at, pre_queue: Duration::from_mins(1), opening: Opening::Draw, ..Schedule::default() };
    let drawing = Baseline { schedule, ..baseline(1.0, 100) };
    f.configure_as(drawing.clone()).await;
    let line = f.line_of(3).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(drawing).await;
    lost.give_back(&remembered).await;
    lost.settle().await;
    let epoch = remembered.memory.epoch;
    assert_eq!(lost.line().await, [1, 2, 3].map(|number| Sequence::of_number(number).0));
    let number = Sequence::of_number(2);
    assert_eq!(lost.come_with(line[1], epoch, number).await.standing, Standing::Waiting { seq: number });
    assert_eq!(lost.join(lost.visitor()).await.standing, Standing::Waiting { seq: Sequence::of_number(4) });
    assert_eq!(lost.stats().await.control.draw.secret, f.stats().await.control.draw.secret);
    lost.advance(Duration::from_mins(1));
    lost.sweep().await;
    assert_eq!(lost.stats().await.control.draw.numbers, Some(4));
    let refused = lost.engine.join(&lost.queue, join_request(lost.visitor(), lost.token())).await.unwrap();
    assert!(!matches!(refused, Err(JoinRefused::NoJoins(_))));
}

pub(crate) async fn a_join_with_an_old_token_does_not_keep_a_line_from_being_given_back(f: Fixture) {
    let (line, admitted) = in_mid_sale(&f).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    let held = Some(Place { epoch: remembered.memory.epoch, seq: Sequence(5) });
    let request = JoinRequest { held, ..join_request(line[4], lost.token()) };
    assert_eq!(lost.engine.join(&lost.queue, request).await.unwrap(), Err(NoJoins::Rejoining.into()));
    let slot = remembered.slots[0];
    let epoch = remembered.memory.epoch;
    let readmission = Some(Readmission { epoch, visitor: admitted, expires_at: slot.expires_at });
    assert!(lost.engine.claim(&lost.queue, slot.token, lost.member(), readmission).await.is_err());
    assert!(lost.give_back(&remembered).await);
    lost.settle().await;
    assert_eq!((lost.line().await, lost.stats().await.active), (vec![1, 3, 5, 6, 7], 1));
}

pub(crate) async fn nobody_goes_straight_in_past_a_line_that_has_just_come_back(f: Fixture) {
    let (line, _) = in_mid_sale(&f).await;
    f.control(ControlChange { paused: Some(false), ..ControlChange::default() }).await;
    let remembered = f.remembered(1).await;
    let lost = f.lost(inviting()).await;
    let epoch = remembered.memory.epoch;
    // It has reported before the line was back.
    let at =
        |visitor: VisitorId, seq| ReadyVisitor { visitor, seq: Sequence(seq), network: None, due_in: Duration::ZERO };
    lost.rejoin(&remembered).await;
    let report = Report { ready: vec![at(line[4], 5)], ..empty_report(&lost, epoch) };
    lost.engine.step(&lost.queue, &report).await.unwrap();
    lost.give_back(&remembered).await;
    let again = Report { number: 2, phase: Phase::GoesOn, ready: Vec::new(), ..report.clone() };
    let step = lost.engine.step(&lost.queue, &again).await.unwrap();
    assert!(!step.known, "what was reported meanwhile may have met nobody");
    let anew = Report { number: 3, ..report };
    lost.engine.step(&lost.queue, &anew).await.unwrap();
    lost.advance(3 * SECOND);
    let contact = Some(Contact { network: None });
    let newcomer = JoinRequest { contact, ..join_request(lost.visitor(), lost.token()) };
    assert_eq!(lost.ask(newcomer).await.standing, waiting(8));
    assert_eq!(lost.stats().await.watermark, remembered.memory.extent.watermark);
}
