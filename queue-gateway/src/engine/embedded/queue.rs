//! One queue: every step of the contract on plain data.

mod draw;
mod joining;
mod rejoining;
mod returning;
mod stepping;
mod turns;

use std::{collections::VecDeque, time::Duration};

use contract::ids::{ActiveTokenId, VisitorId};
use jiff::Timestamp;

use self::rejoining::Rejoining;
use super::{
    clocks::{Admitting, Clocks, Moment, whole_from},
    control,
    credit::Credit,
    invitations::UsedInvitations,
    log::Log,
    lost::LostTurns,
    networks::Networks,
    places::{Keeping, Places},
    ready::ReadySet,
    slots::{Slot, Slots, instant},
};
use crate::engine::MOST_CHANGES;
use crate::line::{
    BY_SETTINGS, Baseline, Beginning, Change, ClientNetwork, Control, ControlChange, Epoch, GATEWAY_LIVES, History,
    LONGEST_SNAPSHOT, Lane, LineChange, LinePage, LogIndex, LogPage, Lost, Progress, REJOINING_PATIENCE,
    RememberedSlot, Round, SNAPSHOT_EVERY, Sequence, Snapshot, Standing, Stats, Tail, Totals,
};

/// The state of a queue.
#[derive(Debug)]
pub(super) struct Queue {
    epoch: Epoch,
    history: History,
    last_seq: Sequence,
    /// How many fresh places the priority lane has given.
    last_invited: u64,
    invitations: UsedInvitations,
    /// Whose turn it is, while both lanes wait.
    round: Round,
    clocks: Clocks,
    places: Places,
    ready: ReadySet,
    slots: Slots,
    networks: Networks,
    /// How often somebody was refused a place in the ready set because of their network.
    withheld: u64,
    lost: LostTurns,
    log: Log,
    credit: Credit,
    /// The log has said what decides the draw.
    draw_is_decided: bool,
    /// Up to which number places are dealt.
    dealt: u64,
    control: Control,
    /// What gateways have handed back of a line that the store has lost, until all is here.
    rejoining: Option<Rejoining>,
    /// Somebody has come back to a place of an older epoch, and the others were awaited.
    has_awaited: bool,
    /// The line has come back, and no gateway has reported since who is there.
    is_unreported: bool,
    /// For gateways that come late.
    snapshot: Option<Snapshot>,
    /// The newest last.
    changes: VecDeque<Change>,
    totals: Totals,
}

impl Queue {
    /// An empty queue whose epoch begins now.
    pub(super) fn begin(now: i64, baseline: Baseline, beginning: Beginning, log_capacity: usize) -> Self {
        let mut control = Control::begin(baseline, beginning.secret);
        if beginning.may_be_known {
            control.rejoining_until = Some(instant(now.saturating_add(micros(REJOINING_PATIENCE))));
        }
        Self {
            epoch: Epoch(now),
            history: History::default(),
            last_seq: Sequence(0),
            last_invited: 0,
            invitations: UsedInvitations::default(),
            round: Round::default(),
            clocks: Clocks::at(now),
            places: Places::default(),
            ready: ReadySet::default(),
            slots: Slots::default(),
            networks: Networks::default(),
            withheld: 0,
            lost: LostTurns::default(),
            log: Log::new(log_capacity),
            credit: Credit::opening(now),
            draw_is_decided: false,
            dealt: 0,
            control,
            rejoining: None,
            has_awaited: false,
            is_unreported: false,
            snapshot: None,
            changes: VecDeque::new(),
            totals: Totals::default(),
        }
    }

    pub(super) fn set_baseline(&mut self, baseline: Baseline, now: i64) {
        self.note_time(now);
        self.accrue(now);
        self.close_numbers(now);
        self.govern(control::with_baseline(&self.control, baseline), BY_SETTINGS, now);
    }

    pub(super) fn change_control(&mut self, change: ControlChange, by: &str, now: i64) -> Control {
        self.note_time(now);
        self.accrue(now);
        self.close_numbers(now);
        self.govern(control::with_change(&self.control, change), by, now);
        self.control.clone()
    }

    fn govern(&mut self, control: Control, by: &str, now: i64) {
        self.changes.extend(Change::between(&self.control, &control, instant(now), by));
        let surplus = self.changes.len().saturating_sub(MOST_CHANGES);
        self.changes.drain(..surplus);
        self.control = control;
    }

    pub(super) fn changes(&self, limit: usize) -> Vec<Change> {
        self.changes.iter().rev().take(limit).cloned().collect()
    }

    pub(super) fn standing(&self, visitor: VisitorId, now: i64) -> Standing {
        let at = self.moment(now);
        if let Some((_, parked)) = self.places.stored(visitor) {
            return match self.place_of(visitor, at) {
                Some(seq) => Standing::Waiting { seq },
                None if parked => Standing::Absent { lost: Some(Lost::Passed) },
                None => Standing::Absent { lost: self.lost.of(visitor) },
            };
        }
        match self.slots.of(visitor) {
            Some(slot) if slot.is_live(at) => {
                let claim = micros(self.control.baseline.lifetimes.claim);
                Standing::Admitted { seq: slot.seq, admission: slot.admission(at, claim) }
            }
            // What the next sweep makes of a slot that is over.
            Some(slot) => match self.end_of(slot, at) {
                None => Standing::Waiting { seq: slot.seq },
                lost => Standing::Absent { lost },
            },
            None => Standing::Absent { lost: self.lost.of(visitor) },
        }
    }

    pub(super) fn leave(&mut self, visitor: VisitorId, now: i64) -> Standing {
        let at = self.moment(now);
        self.settle(visitor, at);
        let before = self.standing(visitor, now);
        match before {
            Standing::Waiting { seq } => {
                self.depart(visitor, seq);
                self.lost.note(visitor, Lost::Left);
            }
            Standing::Admitted { admission, .. } if admission.progress < Progress::Claimed => {
                // Who leaves before arriving has not arrived: a script could keep its network clean by that.
                let missed = u64::from(admission.progress < Progress::Arrived);
                self.vacate(admission.token, now, |outcomes| outcomes.missed += missed);
                self.lost.note(visitor, Lost::Left);
            }
            Standing::Admitted { .. } | Standing::Absent { .. } => {}
        }
        before
    }

    pub(super) fn tail(&self, epoch: Epoch, after: LogIndex, limit: usize, now: i64) -> Tail {
        let page = if epoch == self.epoch { self.log.after(after, limit) } else { LogPage::Gap };
        let rejoining = self.waits(now);
        Tail {
            epoch: self.epoch,
            history: self.history,
            last_seq: self.last_seq,
            log_head: self.log.head(),
            rejoining,
            page,
        }
    }

    pub(super) fn line_page(&self, above: Option<Sequence>, limit: usize) -> LinePage {
        let above = above.unwrap_or(Sequence::FIRST);
        self.places.page(above, limit, self.ready.places_within(above, self.places.expired_through()))
    }

    pub(super) fn front_page(&self, above: Option<Sequence>, limit: usize) -> LinePage {
        let above = above.unwrap_or(Sequence::FIRST);
        LinePage { places: self.ready.places_within(above, self.places.watermark()).take(limit).collect() }
    }

    pub(super) fn slots_page(&self, from: Option<Timestamp>, limit: usize) -> Vec<RememberedSlot> {
        let slots = self.slots.expiring_from(from.map_or(i64::MIN, Timestamp::as_microsecond)).take(limit);
        slots.map(Slot::remembered).collect()
    }

    pub(super) fn publish(&mut self, snapshot: &Snapshot, now: i64) -> LogIndex {
        let is_of_this_line = (snapshot.epoch, snapshot.history) == (self.epoch, self.history)
            && snapshot.log_head <= self.log.head()
            && !self.waits(now);
        let is_new = self.snapshot.as_ref().is_none_or(|kept| snapshot.log_head.0 >= kept.log_head.0 + SNAPSHOT_EVERY);
        if is_of_this_line && is_new && snapshot.order.len() <= LONGEST_SNAPSHOT {
            self.snapshot = Some(snapshot.clone());
        }
        self.snapshot.as_ref().map_or(LogIndex(0), |kept| kept.log_head)
    }

    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        self.snapshot.clone()
    }

    pub(super) fn stats(&self, now: i64) -> Stats {
        let at = self.moment(now);
        Stats {
            epoch: self.epoch,
            history: self.history,
            last_seq: self.last_seq,
            log_head: self.log.head(),
            watermark: self.places.watermark(),
            last_invited: Sequence::of_invited(self.last_invited),
            invited_watermark: self.places.invited_watermark(),
            expired_through: self.places.expired_through(),
            active: self.slots.live(at),
            unclaimed: self.slots.unclaimed(at),
            ready: self.ready.len() as u64,
            ready_invited: self.ready.invited() as u64,
            held_back: self.networks.held_back() as u64,
            totals: self.totals,
            control: self.control.clone(),
            now: instant(now),
        }
    }

    fn moment(&self, now: i64) -> Moment {
        let are_awaited = self.control.rejoining_until.is_some() || self.ready.has_gateways();
        self.clocks.read(now, are_awaited, whole_from(&self.control), Admitting::of(&self.control, Lane::General))
    }

    fn note_time(&mut self, now: i64) -> Moment {
        let at = self.moment(now);
        self.clocks.note(at);
        at
    }

    fn place_of(&self, visitor: VisitorId, at: Moment) -> Option<Sequence> {
        self.kept_place_of(visitor, self.keeping(at))
    }

    fn kept_place_of(&self, visitor: VisitorId, keeping: Keeping) -> Option<Sequence> {
        self.places.of(visitor, keeping, |seq| self.ready.holds(seq))
    }

    /// No place is over while a live gateway may have somebody there whom it has not reported yet.
    fn keeping(&self, at: Moment) -> Keeping {
        let suspended = self.ready.covered(least_alive(at)) < self.places.watermark();
        Keeping { now: at.grace, lasting: self.grace(), suspended }
    }

    /// How long passed places are kept.
    fn grace(&self) -> i64 {
        micros(self.control.baseline.lifetimes.grace)
    }

    fn accrue(&mut self, now: i64) {
        let general_waits = Admitting::of(&self.control, Lane::General).contains(now);
        // The invited are admitted whenever anybody is.
        let nobody_ready = if general_waits { self.ready.is_empty() } else { self.ready.invited() == 0 };
        self.credit.accrue(now, self.control.limits(), Admitting::of(&self.control, Lane::Invited), nobody_ready);
    }

    /// How many may be admitted now: credit within the cap. Pause shows as no credit.
    fn room(&self, at: Moment) -> u64 {
        self.credit.whole().min(self.control.limits().cap.saturating_sub(self.slots.live(at)))
    }

    fn withholds(&self, network: Option<ClientNetwork>, now: i64) -> bool {
        network.is_some_and(|network| self.networks.withholds(network, now))
    }

    /// Fills a slot with a visitor who has just left the line, or never stood in it.
    fn admit(
        &mut self,
        seq: Sequence,
        visitor: VisitorId,
        token: ActiveTokenId,
        network: Option<ClientNetwork>,
        due: i64,
        at: Moment,
    ) {
        let lifetimes = self.control.baseline.lifetimes;
        let slot = Slot {
            token,
            seq,
            visitor,
            network,
            admitted_at: at.now,
            arrive_by: due.max(at.line).saturating_add(micros(lifetimes.arrive)),
            arrival: None,
            expires_at: at.now.saturating_add(micros(lifetimes.active)),
            holder: None,
        };
        self.credit.spend(1);
        self.totals.admitted += 1;
        self.totals.admitted_invited += u64::from(seq.is_invited());
        self.places.pass(seq, at.grace);
        if let Some(network) = network {
            self.networks.note(network, at.now, |outcomes| {
                outcomes.on_the_way += 1;
                outcomes.unclaimed += 1;
            });
        }
        self.slots.insert(slot);
        let admission = slot.admission(at, micros(lifetimes.claim));
        self.log.append(LineChange::Admitted { seq, visitor, admission });
    }

    /// Takes a visitor out of the line for good.
    fn depart(&mut self, visitor: VisitorId, seq: Sequence) {
        self.places.remove(visitor);
        self.ready.remove_at(seq);
        self.log.append(LineChange::Departed { seq });
    }

    fn set_away(&mut self, visitor: VisitorId, seq: Sequence, at: Moment) {
        self.places.set_away(visitor, seq, at.grace.saturating_add(self.grace()));
    }

    /// Does for one visitor what the next sweep would do: whoever comes by is met as they are.
    fn settle(&mut self, visitor: VisitorId, at: Moment) {
        if let Some(slot) = self.slots.of(visitor).copied().filter(|slot| !slot.is_live(at)) {
            self.end(slot, at);
        }
        if let Some((seq, parked)) = self.places.stored(visitor).filter(|_| self.place_of(visitor, at).is_none()) {
            if seq > self.places.expired_through() || parked {
                self.depart(visitor, seq);
            } else {
                self.places.remove(visitor);
            }
            if parked {
                self.lost.note(visitor, Lost::Passed);
            }
        }
    }
}

/// Whole microseconds; the longest that fits where it is longer.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Gateways that have not reported since then, in line time, are gone.
fn least_alive(at: Moment) -> i64 {
    at.line - micros(GATEWAY_LIVES)
}
