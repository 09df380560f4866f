//! A line that gateways give back to a store that has lost it.

use std::collections::BTreeSet;

use contract::ids::VisitorId;

use super::{Queue, micros};
use crate::{
    engine::{
        EngineError,
        embedded::{
            clocks::Moment,
            places::Keeping,
            slots::{Arrival, Slot, instant},
        },
    },
    line::{
        Control, Draw, GatewayId, LogIndex, Memory, MemoryPage, Place, REJOINING_LASTS, REJOINING_PATIENCE,
        REJOINING_SETTLES, Rejoined, RememberedSlot, Sequence, Standing, is_given_after, unknown_at,
    },
};

/// What has been handed back so far.
#[derive(Debug)]
pub(super) struct Rejoining {
    /// The newest entry of the log that anybody remembers who is believed; `None` before the first.
    known: Option<LogIndex>,
    /// The last places of each lane that they know of.
    listed: (Sequence, Sequence),
    /// All of them have been handed back.
    is_listed: bool,
    /// When one of them was heard last.
    heard_at: i64,
    /// How many gateways are to be heard, and those that were.
    expected: u64,
    heard: BTreeSet<GatewayId>,
}

impl Queue {
    /// A line that is being given back says nothing of anybody: whoever asks is to ask again.
    pub(in crate::engine::embedded) fn is_whole(&self, now: i64) -> Result<(), EngineError> {
        if self.control.rejoins(instant(now)) {
            return Err(EngineError::Unavailable("the line is being given back to its store".to_owned()));
        }
        Ok(())
    }

    pub(in crate::engine::embedded) fn rejoin(&mut self, memory: &Memory, now: i64) -> Rejoined {
        if self.rejoining.is_none() {
            // One that goes on in this epoch has been given back.
            if !self.is_untouched() || self.epoch == memory.epoch {
                return Rejoined::Refused;
            }
            self.adopt(memory, now);
        }
        let Some(rejoining) = self.rejoining.as_mut().filter(|_| self.epoch == memory.epoch) else {
            return Rejoined::Refused;
        };
        rejoining.expected = rejoining.expected.max(memory.gateways);
        let is_abandoned = !rejoining.is_listed && now - rejoining.heard_at > micros(REJOINING_PATIENCE);
        let is_better = Some(memory.log_head) > rejoining.known || is_abandoned;
        let last = (memory.extent.last_seq, memory.extent.last_invited);
        if is_better {
            rejoining.known = Some(memory.log_head);
            rejoining.listed = last;
            rejoining.is_listed = false;
        }
        let is_believed = rejoining.known == Some(memory.log_head) && !rejoining.is_listed;
        let wanted = if is_believed { Rejoined::All } else { Rejoined::Since(rejoining.listed.0, rejoining.listed.1) };
        if is_believed {
            rejoining.heard_at = now;
        }
        if is_better {
            self.log.go_on_after(memory.log_head);
            self.totals = memory.totals;
            self.control.draw = self.remembered_draw(&memory.control.draw, now);
            // Not those that were given before what operators have ordered since.
            if memory.control.revision > self.control.revision {
                self.take_orders(&memory.control);
            }
        }
        self.places.resume(memory.extent);
        self.last_seq = self.last_seq.max(memory.extent.last_seq);
        self.last_invited = self.last_invited.max(memory.extent.last_invited.nth_invited());
        wanted
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
        self.control.rejoining_until = Some(instant(now.saturating_add(micros(REJOINING_LASTS))));
        self.take_orders(&memory.control);
        self.rejoining = Some(Rejoining {
            known: None,
            listed: (Sequence::FIRST, Sequence::FIRST),
            is_listed: false,
            heard_at: now,
            expected: 1,
            heard: BTreeSet::new(),
        });
    }

    /// What operators had ordered.
    fn take_orders(&mut self, remembered: &Control) {
        self.control = Control {
            revision: remembered.revision.max(self.control.revision),
            baseline: self.control.baseline.clone(),
            rejoining_until: self.control.rejoining_until,
            draw: self.control.draw.clone(),
            ..remembered.clone()
        };
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
        let is_believed = page.is_whole && rejoining.known == Some(page.log_head);
        if page.is_whole && !is_believed {
            // Somebody remembers more.
            return false;
        }
        let listed = rejoining.listed;
        if is_believed {
            rejoining.heard_at = now;
        }
        if page.is_last {
            rejoining.is_listed |= is_believed;
            rejoining.heard.insert(page.gateway);
        }
        let is_complete = rejoining.is_listed && rejoining.heard.len() as u64 >= rejoining.expected;
        if is_believed {
            for (seq, visitor) in self.places.not_among(page.above, page.through, &page.places) {
                // Of what was given later they do not know.
                if !is_given_after(seq, page.known) {
                    self.places.remove(visitor);
                    self.ready.remove_at(seq);
                }
            }
        }
        for seq in page.places.iter().filter(|seq| page.is_whole || is_given_after(**seq, listed)) {
            self.places.insert_unknown(*seq);
        }
        for slot in &page.slots {
            self.remember_slot(*slot, at);
        }
        if is_complete {
            self.end_rejoining(at, micros(REJOINING_SETTLES));
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

    /// Goes on with what has been handed back, once all were heard or have had their time. What gateways have reported
    /// meanwhile was about a line that was not all there: they are to begin anew, and have so long for it.
    fn end_rejoining(&mut self, at: Moment, settles: i64) {
        self.note_time(at.now);
        self.accrue(at.now);
        if self.rejoining.take().is_some() {
            self.ready.forget_all();
            let kept_until = at.grace.saturating_add(self.grace());
            self.places.begin_grace(at.grace, kept_until);
        }
        self.control.rejoining_until = (settles > 0).then(|| instant(at.now.saturating_add(settles)));
    }

    /// A store does not wait for ever.
    pub(super) fn end_overdue_rejoining(&mut self, at: Moment) {
        let is_over = self.control.rejoining_until.is_some_and(|until| until.as_microsecond() <= at.now);
        if is_over {
            let settles = if self.rejoining.is_some() { micros(REJOINING_SETTLES) } else { 0 };
            self.end_rejoining(at, settles);
        }
    }

    pub(in crate::engine::embedded) fn name(&mut self, visitor: VisitorId, place: Place, now: i64) -> Standing {
        let at = self.moment(now);
        if place.epoch == self.epoch {
            self.name_place(visitor, place.seq, self.keeping(at));
        }
        self.standing(visitor, now)
    }

    /// Gives a place that was handed back to whoever comes with a token for it.
    pub(super) fn name_place(&mut self, visitor: VisitorId, seq: Sequence, keeping: Keeping) {
        let is_nobody = self.places.stored(visitor).is_none() && self.slots.of(visitor).is_none();
        if is_nobody && self.kept_place_of(unknown_at(seq), keeping) == Some(seq) {
            self.places.name(visitor, seq);
        }
    }
}
