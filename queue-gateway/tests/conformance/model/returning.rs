//! Those who come back in the model to places of an older epoch.

use jiff::Timestamp;
use queue_gateway::line::{Lane, Place, Sequence};

use super::{Model, life, micros};

impl Model {
    pub(super) fn restorable(&self, place: Place) -> Option<i64> {
        let seq = place.epoch.0 - self.epoch.0 + place.seq.0;
        let taken = self.people.iter().any(|person| person.place == Some(seq)) || self.given_back.contains(&seq);
        let is_old = match Lane::of(Sequence(seq)) {
            Lane::General => seq <= 0 && place.seq.number().is_none() && !self.draws(),
            Lane::Invited => seq < Sequence::of_invited(1).0,
        };
        (place.epoch < self.epoch && is_old && seq > self.over_through() && !taken).then_some(seq)
    }

    /// Until when the others are awaited.
    pub(crate) fn returning_until(&self) -> Option<i64> {
        life::returning_until(&self.control)
    }

    /// Somebody has come back.
    pub(super) fn await_the_others(&mut self) {
        let lasts = micros(self.lifetimes().come_back);
        let is_early = !self.admitted_anybody || self.now < self.epoch.0 + lasts;
        if lasts > 0 && is_early && !self.has_awaited {
            self.note_time();
            self.allowance.settle(self.now, &self.control);
            self.has_awaited = true;
            self.control.returning_until = Some(Timestamp::from_microsecond(self.now + lasts).unwrap());
        }
    }

    /// A step ends it in time, and where less is left to wait for than the settings say.
    pub(super) fn await_nobody_for_ever(&mut self) {
        let lasts = micros(self.lifetimes().come_back);
        if self.returning_until().is_some_and(|until| until <= self.now || until > self.now + lasts) {
            self.control.returning_until = None;
        }
    }
}
