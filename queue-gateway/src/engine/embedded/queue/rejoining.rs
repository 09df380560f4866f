//! A line that gateways give back to a store that has lost it.

use std::collections::BTreeSet;

use contract::ids::VisitorId;

use super::{Queue, micros};
use crate::{
    engine::embedded::{
        clocks::Moment,
        slots::{Arrival, Slot, instant},
    },
    line::{
        Control, Draw, GatewayId, LogIndex, Memory, MemoryPage, Place, REJOINING_LASTS, Rejoined, RememberedSlot,
        Sequence, Standing, unknown_at,
    },
};

/// What has been handed back so far.
#[derive(Debug)]
pub(super) struct Rejoining {
    /// The newest entry of the log that anybody remembers.
    known: LogIndex,
    /// Up to here places are as of that entry.
    listed_through: Sequence,
    /// All of them have been handed back.
    is_listed: bool,
    /// How many gateways are to be heard, and those that were.
    expected: u64,
    heard: BTreeSet<GatewayId>,
}

impl Queue {
    pub(in crate::engine::embedded) fn rejoin(&mut self, memory: &Memory, now: i64) -> Rejoined {
        if self.rejoining.is_none() {
            if !self.is_untouched() {
                return Rejoined::Refused;
            }
            self.adopt(memory, now);
        }
        let Some(rejoining) = self.rejoining.as_mut().filter(|_| self.epoch == memory.epoch) else {
            return Rejoined::Refused;
        };
        rejoining.expected = rejoining.expected.max(memory.gateways);
        let is_newer = memory.log_head > rejoining.known;
        let is_wanted = is_newer || memory.log_head == rejoining.known && !rejoining.is_listed;
        if is_newer {
            self.log.go_on_after(memory.log_head);
            rejoining.known = memory.log_head;
            rejoining.is_listed = false;
        }
        let above = if is_wanted { Sequence::FIRST } else { rejoining.listed_through };
        if is_newer || above == Sequence::FIRST {
            rejoining.listed_through = memory.extent.last_seq.max(rejoining.listed_through);
        }
        self.places.resume(memory.extent);
        self.last_seq = self.last_seq.max(memory.extent.last_seq);
        self.last_invited = self.last_invited.max(memory.extent.last_invited.nth_invited());
        Rejoined::Wanted { above }
    }

    /// Whether nobody has done anything here since the store began the queue.
    fn is_untouched(&self) -> bool {
        let has_given = self.last_seq > Sequence(0) || self.last_invited > 0;
        !has_given && self.places.len() == 0 && self.slots.is_empty()
    }

    /// Goes on with a queue of before.
    fn adopt(&mut self, memory: &Memory, now: i64) {
        self.note_time(now);
        self.accrue(now);
        self.epoch = memory.epoch;
        self.totals = memory.totals;
        let remembered = &memory.control;
        let revision = remembered.revision.max(self.control.revision);
        let draw = self.remembered_draw(&remembered.draw, now);
        self.control = Control {
            revision,
            baseline: self.control.baseline.clone(),
            rejoining_until: Some(instant(now.saturating_add(micros(REJOINING_LASTS)))),
            draw,
            ..remembered.clone()
        };
        self.rejoining = Some(Rejoining {
            known: LogIndex(0),
            listed_through: Sequence::FIRST,
            is_listed: false,
            expected: 1,
            heard: BTreeSet::new(),
        });
    }

    /// Whoever remembers a draw that is decided has everybody at their places.
    fn remembered_draw(&mut self, draw: &Draw, now: i64) -> Draw {
        let lots = draw.lots();
        self.draw_is_decided = lots.is_some();
        self.dealt = lots.as_ref().map_or(0, |lots| lots.numbers);
        let drawn_at = lots.and(draw.drawn_at.or(Some(instant(now))));
        Draw { drawn_at, ..draw.clone() }
    }

    pub(in crate::engine::embedded) fn hand_back(&mut self, page: &MemoryPage, now: i64) -> bool {
        let at = self.moment(now);
        let is_of_this_epoch = page.epoch == self.epoch;
        let Some(rejoining) = self.rejoining.as_mut().filter(|_| is_of_this_epoch) else { return false };
        let is_newest = page.log_head == rejoining.known;
        if !is_newest && page.above < rejoining.listed_through {
            // Somebody remembers more.
            return false;
        }
        if page.is_last {
            rejoining.is_listed |= is_newest;
            rejoining.heard.insert(page.gateway);
        }
        let is_complete = rejoining.is_listed && rejoining.heard.len() as u64 >= rejoining.expected;
        if is_newest {
            for (seq, visitor) in self.places.not_among(page.above, page.through, &page.places) {
                self.places.remove(visitor);
                self.ready.remove_at(seq);
            }
        }
        for seq in &page.places {
            self.places.insert_unknown(*seq);
        }
        for slot in &page.slots {
            self.remember_slot(*slot, at);
        }
        if is_complete {
            self.end_rejoining(at);
        }
        true
    }

    fn remember_slot(&mut self, remembered: RememberedSlot, at: Moment) {
        let RememberedSlot { visitor, seq, admission } = remembered;
        let expires_at = admission.expires_at.as_microsecond();
        let is_known = self.slots.get(admission.token).is_some() || self.slots.of(visitor).is_some();
        if is_known || expires_at <= at.now || self.places.stored(visitor).is_some() {
            return;
        }
        let lasts = expires_at.saturating_sub(at.now);
        self.slots.insert(Slot {
            token: admission.token,
            seq,
            visitor,
            network: None,
            admitted_at: admission.admitted_at.as_microsecond(),
            arrive_by: at.line,
            arrival: Some(Arrival { at: at.line, claim_by: at.line.saturating_add(lasts) }),
            expires_at,
            holder: None,
        });
    }

    /// Goes on with what has been handed back, once all were heard or have had their time.
    pub(super) fn end_rejoining(&mut self, at: Moment) {
        self.note_time(at.now);
        self.accrue(at.now);
        if self.rejoining.take().is_some() {
            let kept_until = at.grace.saturating_add(self.grace());
            self.places.begin_grace(at.grace, kept_until, |seq| self.ready.holds(seq));
        }
        self.control.rejoining_until = None;
    }

    /// A store does not wait for ever.
    pub(super) fn end_overdue_rejoining(&mut self, at: Moment) {
        let is_over = self.control.rejoining_until.is_some_and(|until| until.as_microsecond() <= at.now);
        if is_over {
            self.end_rejoining(at);
        }
    }

    pub(in crate::engine::embedded) fn name(&mut self, visitor: VisitorId, place: Place, now: i64) -> Standing {
        let at = self.moment(now);
        if place.epoch == self.epoch {
            self.name_place(visitor, place.seq, at);
        }
        self.standing(visitor, now)
    }

    /// Gives a place that was handed back to whoever comes with a token for it. Returns whether it is theirs now.
    pub(super) fn name_place(&mut self, visitor: VisitorId, seq: Sequence, at: Moment) -> bool {
        let is_nobody = self.places.stored(visitor).is_none() && self.slots.of(visitor).is_none();
        let is_free = is_nobody && self.place_of(unknown_at(seq), at) == Some(seq);
        if is_free {
            self.places.name(visitor, seq);
        }
        is_free
    }
}
