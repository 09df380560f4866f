//! One line as of one moment.

use std::{sync::Arc, time::Duration};

use super::memory::Slots;
use crate::engine::LONGEST_STEP;
use crate::line::{
    Drawn, Epoch, GatewayId, Histogram, History, Lane, LineChange, LogIndex, Order, Outlook, Sequence, Standpoint,
    Stats,
    estimate::{Flow, Pace, WaitRange},
};

/// How readily those who wait give up, per second. Not measured yet: as if nobody ever did, which errs to the late
/// side.
const HAZARD: f64 = 0.0;

/// Who waits, as of an entry of the log, and what governs the line, as of the last step.
#[derive(Debug)]
pub(crate) struct Line {
    pub(super) epoch: Epoch,
    pub(super) history: History,
    /// The log has been applied exactly up to here.
    pub(super) head: LogIndex,
    /// The newest entry applied; `None` where nothing has been since the line was read in full.
    pub(super) last: Option<LineChange>,
    pub(super) order: Order,
    pub(super) slots: Slots,
    /// The queue in numbers as of the last step.
    pub(crate) stats: Arc<Stats>,
    pub(super) present: Vec<(GatewayId, Histogram)>,
    general: Movement,
    invited: Movement,
}

/// How a lane moves.
#[derive(Debug, Default)]
struct Movement {
    flow: Flow,
    /// `None` while nobody is admitted, or where nothing is known.
    pace: Option<Pace>,
    /// `None` once visitors are admitted.
    opens_in: Option<Duration>,
}

impl Line {
    pub(super) fn new(order: Order, slots: Slots, stats: Stats) -> Self {
        let (epoch, history, head) = (stats.epoch, stats.history, stats.log_head);
        let (present, stats) = (Vec::new(), Arc::new(stats));
        let (general, invited) = (Movement::default(), Movement::default());
        let mut line = Self { epoch, history, head, last: None, order, slots, stats, present, general, invited };
        line.take_stock();
        line
    }

    /// Where a place stands; `None` for one that is not in the line.
    pub(crate) fn standpoint(&self, seq: Sequence) -> Option<Standpoint> {
        self.order.standpoint(seq)
    }

    /// What can be told of a place at this position.
    pub(crate) fn outlook(&self, seq: Sequence, position: u64) -> Outlook {
        let number = self.order.number_of(seq);
        // Streams may name a number as long as they are open.
        let seq = self.order.place(seq);
        let lane = Lane::of(seq);
        let behind = self.order.waiting(lane).saturating_sub(position);
        let wait = self.wait(seq);
        Outlook {
            position,
            behind,
            wait,
            opens_in: self.movement(lane).opens_in,
            number,
            invited: lane == Lane::Invited,
        }
    }

    /// What can be told of a place that the engine has called waiting: its word is newer than this copy, so the place
    /// counts as being in the line.
    pub(crate) fn outlook_of_waiting(&self, seq: Sequence) -> Outlook {
        self.outlook(seq, self.order.ahead(seq) + 1)
    }

    /// Whether a place, which is not in the line any more, was passed and expired.
    pub(crate) fn has_expired(&self, seq: Sequence) -> bool {
        self.order.place(seq) <= self.order.expired_through()
    }

    /// The outcome of the draw, once it is made.
    pub(crate) fn drawn(&self) -> Option<&Arc<Drawn>> {
        self.order.drawn()
    }

    /// The number of a draw that whoever stands here has.
    pub(crate) fn number_of(&self, seq: Sequence) -> Option<u64> {
        self.order.number_of(seq)
    }

    /// Whether the two name the place of one visitor.
    pub(crate) fn is_same_place(&self, one: Sequence, other: Sequence) -> bool {
        self.order.place(one) == self.order.place(other)
    }

    /// As [`Order::departed_numbers`].
    pub(crate) fn departed_numbers(&self) -> Option<Vec<u8>> {
        self.order.departed_numbers()
    }

    /// The outcome of the draw, once the store has dealt all places.
    pub(crate) fn dealt(&self) -> Option<&Arc<Drawn>> {
        self.drawn().filter(|_| self.stats.control.draw.drawn_at.is_some())
    }

    pub(super) fn draw(&mut self, drawn: Arc<Drawn>) {
        self.order.draw(drawn);
    }

    /// The newest place that is known to have been given.
    pub(crate) fn last_seq(&self) -> Sequence {
        self.order.last_seq()
    }

    pub(super) fn note_issued(&mut self, seq: Sequence) {
        self.order.extend(seq);
    }

    /// Which state this is: every gateway gives the same state the same name.
    pub(crate) fn state(&self) -> (Epoch, LogIndex) {
        (self.epoch, self.head)
    }

    /// Who waits, who was passed and who is present, in numbers.
    pub(crate) fn census(&self) -> Census {
        let present =
            self.present.iter().map(|(_, histogram)| histogram.total()).sum::<u64>() + self.stats.ready_invited;
        let invited = self.order.waiting(Lane::Invited);
        let waiting = self.order.waiting(Lane::General) + invited;
        Census { waiting, invited, parked: self.order.parked(), present }
    }

    /// Applies the entries that follow the newest one applied.
    pub(super) fn follow(&mut self, changes: &[LineChange], last_seq: Sequence) {
        for change in changes {
            self.order.apply(change);
            self.slots.follow(change);
        }
        self.head.0 += changes.len() as u64;
        self.order.extend(last_seq);
        self.last = changes.last().cloned().or(self.last.take());
    }

    /// Takes in the numbers of a step.
    pub(super) fn note_step(&mut self, stats: Stats, present: Vec<(GatewayId, Histogram)>) {
        let before = std::mem::replace(&mut self.stats, Arc::new(stats));
        self.present = present;
        let elapsed = Duration::try_from(self.stats.now.duration_since(before.now)).unwrap_or_default();
        let is_capped = self.is_capped();
        for lane in Lane::ALL {
            let somebody_waited = before.ready_in(lane) > 0 && before.admits(lane) && self.stats.admits(lane);
            // Of a longer time nobody knows how long anybody waited: the store was away, or the queue at rest.
            if somebody_waited && elapsed <= 2 * LONGEST_STEP {
                let admitted = self.stats.totals.admitted_from(lane).saturating_sub(before.totals.admitted_from(lane));
                self.movement_mut(lane).flow.record(elapsed, admitted, is_capped);
            }
        }
        self.take_stock();
    }

    /// Whether another copy of the same line lacks an entry of the log that is known here.
    pub(super) fn knows_more_than(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.head > other.head
    }

    /// Goes on with the history of a copy that this one replaces: the queue moves as before.
    pub(super) fn inherit(&mut self, old: Self) {
        (self.general, self.invited, self.present) = (old.general, old.invited, old.present);
        if old.epoch == self.epoch {
            self.slots.inherit(old.slots);
        }
        self.take_stock();
    }

    /// Only those who are there make anybody wait, whether or not their places are counted.
    fn wait(&self, seq: Sequence) -> Option<WaitRange> {
        let lane = Lane::of(seq);
        let ahead = match lane {
            Lane::General => {
                let present_ahead: u64 = self.present.iter().map(|(_, histogram)| histogram.below(seq)).sum();
                present_ahead.min(self.order.places_ahead(seq))
            }
            // All of them who are present are ready, wherever they stand.
            Lane::Invited => self.stats.ready_invited.min(self.order.places_ahead(seq)),
        };
        self.movement(lane).pace.and_then(|pace| pace.wait(ahead + 1, HAZARD))
    }

    fn movement(&self, lane: Lane) -> &Movement {
        match lane {
            Lane::General => &self.general,
            Lane::Invited => &self.invited,
        }
    }

    fn movement_mut(&mut self, lane: Lane) -> &mut Movement {
        match lane {
            Lane::General => &mut self.general,
            Lane::Invited => &mut self.invited,
        }
    }

    fn is_capped(&self) -> bool {
        self.stats.active >= self.stats.control.limits().cap
    }

    fn take_stock(&mut self) {
        let stats = Arc::clone(&self.stats);
        let is_capped = self.is_capped();
        for lane in Lane::ALL {
            let movement = self.movement_mut(lane);
            let pace = movement.flow.pace(stats.rate_of(lane), is_capped);
            movement.pace = pace.filter(|_| stats.admits(lane));
            let left = stats.control.admits_from(lane).map(|from| from.duration_since(stats.now));
            movement.opens_in = left.and_then(|left| Duration::try_from(left).ok()).filter(|left| !left.is_zero());
        }
    }
}

/// A line in numbers, as its log and its gateways tell them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// In the line and not passed, or back.
    pub waiting: u64,
    /// Those of them who were invited.
    pub invited: u64,
    /// Passed and away; their places are kept for a while.
    pub parked: u64,
    /// Present at any gateway, counted once at each.
    pub present: u64,
}
