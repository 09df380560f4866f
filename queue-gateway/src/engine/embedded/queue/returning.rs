//! Those who come back to places of an older epoch.

use contract::ids::VisitorId;

use super::{Queue, micros};
use crate::{
    engine::embedded::{clocks::Moment, slots::instant},
    line::{LineChange, Place, Sequence},
};

impl Queue {
    /// The sequence of a place of an older epoch, unless somebody has or had it here: whoever has had their turn would
    /// be at the front again, and two visitors at one place would make positions wrong for all. They get a fresh place.
    pub(super) fn restorable(&self, place: Place, at: Moment) -> Option<Sequence> {
        let seq = place.relative_to(self.epoch);
        let free = seq.is_restored() && self.places.can_give_back(seq, self.keeping(at));
        // A number of a draw that is lost says nothing, and a draw begins with nobody before it: everybody gets a
        // number, or a fresh place.
        let draws = self.control.draw.has_numbers() || self.control.would_number(instant(at.now));
        let is_place = seq.is_invited() || place.seq.number().is_none() && !draws;
        (place.epoch < self.epoch && is_place && free).then_some(seq)
    }

    /// Puts a visitor back to a place that [can be given back](Self::restorable).
    pub(super) fn restore(&mut self, visitor: VisitorId, seq: Sequence, at: Moment) {
        self.lost.forget(visitor);
        self.places.give_back(seq, visitor);
        self.log.append(LineChange::Restored { seq });
        if self.places.is_passed(seq) {
            self.set_away(visitor, seq, at);
        }
        self.await_the_others(at);
    }

    /// The first who comes back opens the time for the others: once in an epoch, and while nobody has been admitted, or
    /// soon after the epoch began.
    fn await_the_others(&mut self, at: Moment) {
        let lasts = micros(self.control.baseline.lifetimes.come_back);
        let is_early = self.totals.admitted == 0 || at.now < self.epoch.0.saturating_add(lasts);
        if self.has_awaited || lasts == 0 || !is_early {
            return;
        }
        self.note_time(at.now);
        self.accrue(at.now);
        self.has_awaited = true;
        self.control.returning_until = Some(instant(at.now.saturating_add(lasts)));
    }

    /// It is over in time, or when the settings give less; and no clock that was set back makes it longer.
    pub(super) fn end_overdue_return(&mut self, at: Moment) {
        let lasts = micros(self.control.baseline.lifetimes.come_back);
        let is_due = |left: i64| left <= 0 || left > lasts;
        if self.control.returning_until.is_some_and(|until| is_due(until.as_microsecond().saturating_sub(at.now))) {
            self.control.returning_until = None;
        }
    }
}
