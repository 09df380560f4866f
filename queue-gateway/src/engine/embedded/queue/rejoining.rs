//! A line that gateways give back to a store that has lost it, or its last writes.

use contract::ids::{ActiveTokenId, VisitorId};

use super::{Queue, least_alive, micros};
use crate::{
    engine::{
        EngineError,
        embedded::{
            clocks::Moment,
            hearing::{Hearing, Known, Verdict},
            places::Keeping,
            slots::{Arrival, Slot, instant},
        },
    },
    line::{
        BY_GATEWAYS, Control, Draw, History, LineChange, LogIndex, Memory, MemoryPage, Place, REJOINING_AT_MOST,
        REJOINING_SETTLES, Rejoined, RememberedSlot, Report, Sequence, Standing, is_given_after, unknown_at,
    },
};

/// What has been handed back so far.
#[derive(Debug)]
pub(super) struct Rejoining {
    hearing: Hearing,
    /// Whoever was passed and there when it began is kept for so long, in grace time.
    kept_until: i64,
}

impl Queue {
    /// A line that is being given back says nothing of anybody: whoever asks is to ask again.
    pub(in crate::engine::embedded) fn is_whole(&self, now: i64) -> Result<(), EngineError> {
        if self.waits(now) {
            return Err(EngineError::Unavailable("the line is being given back to its store".to_owned()));
        }
        Ok(())
    }

    pub(in crate::engine::embedded) fn rejoin(&mut self, memory: &Memory, now: i64) -> Rejoined {
        if self.rejoining.is_none() {
            if self.has_lost_some(memory) {
                self.begin_rejoining(true, now);
            } else if self.is_untouched() && self.epoch != memory.epoch {
                self.begin_rejoining(false, now);
                (self.epoch, self.history) = (memory.epoch, memory.history);
                self.take_orders(&memory.control, now);
            }
        }
        let Some(rejoining) = self.rejoining.as_mut().filter(|_| self.epoch == memory.epoch) else {
            return Rejoined::Refused;
        };
        // Of two histories the later one counts, however far the log of the other had come.
        if memory.history < self.history {
            rejoining.hearing.remembers_nothing(memory.gateway);
            return Rejoined::Refused;
        }
        let is_later = memory.history > self.history;
        let draw = &memory.control.draw;
        let draw_is_ahead = draw.is_ahead_of(&self.control.draw);
        let adds =
            memory.extent.last_seq > self.last_seq || memory.extent.last_invited.nth_invited() > self.last_invited;
        let Verdict { wanted, is_better } = rejoining.hearing.hear(memory, is_later, draw_is_ahead, adds, now);
        if is_better {
            self.snapshot = None;
            self.history = memory.history;
            let beyond = if is_later { LogIndex(self.log.head().0 + 1) } else { LogIndex(0) };
            self.log.go_on_after(memory.log_head.max(beyond));
            self.totals = memory.totals;
        }
        if draw_is_ahead || is_better && !self.control.draw.knows_more_than(draw) {
            self.control.draw = self.remembered_draw(draw, now);
        }
        // Not those that were given before what operators have ordered since.
        if memory.control.revision > self.control.revision {
            self.take_orders(&memory.control, now);
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

    /// Whether more is remembered of this very queue than the store knows: it was set back.
    fn has_lost_some(&self, memory: &Memory) -> bool {
        let knows_more = || {
            memory.log_head > self.log.head()
                || memory.extent.last_seq > self.last_seq
                || memory.extent.last_invited.nth_invited() > self.last_invited
                || memory.control.revision > self.control.revision
        };
        memory.epoch == self.epoch && (memory.history > self.history || memory.history == self.history && knows_more())
    }

    /// Whether a gateway follows what is not here.
    pub(super) fn is_behind(&self, report: &Report) -> bool {
        let is_ahead = report.newest > self.last_seq && report.newest < Sequence::LAST;
        report.epoch == self.epoch && (report.after > self.log.head() || is_ahead)
    }

    /// Hears what gateways remember, since some of it may be lost here.
    pub(in crate::engine::embedded) fn doubt(&mut self, now: i64) {
        let awaits_the_first = self.is_untouched() && self.control.rejoins(instant(now));
        if self.rejoining.is_none() && !awaits_the_first {
            self.begin_rejoining(true, now);
        }
    }

    /// Begins to wait for what gateways remember. What they have reported of who is there says nothing any more:
    /// whoever was passed and is there counts as having just gone.
    fn begin_rejoining(&mut self, knows_the_line: bool, now: i64) {
        let at = self.note_time(now);
        self.accrue(now);
        let last = (self.last_seq, Sequence::of_invited(self.last_invited));
        let own = knows_the_line.then(|| Known { head: self.log.head(), last });
        let hearing = Hearing::begin(own, self.ready.live_gateways(least_alive(at)), now);
        for (seq, visitor) in self.ready.visitors_through(self.places.watermark()) {
            self.set_away(visitor, seq, at);
        }
        self.ready.forget_all();
        self.control.rejoining_until = Some(instant(now.saturating_add(micros(REJOINING_AT_MOST))));
        self.rejoining = Some(Rejoining { hearing, kept_until: at.grace.saturating_add(self.grace()) });
    }

    /// What operators had ordered.
    fn take_orders(&mut self, remembered: &Control, now: i64) {
        let taken = Control {
            revision: self.control.revision,
            baseline: self.control.baseline.clone(),
            rejoining_until: self.control.rejoining_until,
            returning_until: self.control.returning_until,
            draw: self.control.draw.clone(),
            ..remembered.clone()
        };
        let changed = self.control.revision + u64::from(taken != self.control);
        self.govern(Control { revision: remembered.revision.max(changed), ..taken }, BY_GATEWAYS, now);
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
        let Some(is_believed) = rejoining.hearing.hear_page(page, now) else { return false };
        let (listed, is_complete) = (rejoining.hearing.listed(), rejoining.hearing.is_complete());
        if is_believed {
            for (seq, visitor) in self.places.not_among(page.above, page.through, &page.places) {
                // Of what was given later they do not know.
                if !is_given_after(seq, page.known) {
                    self.places.remove(visitor);
                }
            }
        }
        for seq in page.places.iter().filter(|seq| page.is_whole || is_given_after(**seq, listed)) {
            self.places.insert_unknown(*seq);
            // Whoever stands among places that have expired was kept alone.
            if *seq <= self.places.expired_through() && seq.number().is_none() {
                self.places.keep(*seq, at.grace.saturating_add(self.grace()));
            }
        }
        // What has become of slots only those know who are believed.
        if is_believed {
            for token in &page.ended {
                self.drop_slot(*token, now);
            }
            for slot in &page.slots {
                self.remember_slot(*slot, page.known, at);
            }
        }
        if is_complete {
            self.end_rejoining(at);
        }
        true
    }

    /// Ends a slot of which the log has said so before.
    fn drop_slot(&mut self, token: ActiveTokenId, now: i64) {
        if let Some(slot) = self.slots.remove(token) {
            self.note_outcome(&slot, now, |_| {});
        }
    }

    fn remember_slot(&mut self, remembered: RememberedSlot, known: (Sequence, Sequence), at: Moment) {
        let RememberedSlot { token, visitor, seq, admitted_at, expires_at, holder } = remembered;
        if let Some(slot) = self.slots.get(token).copied() {
            // Whoever has claimed it here was told so.
            if let (None, Some(holder)) = (slot.holder, holder) {
                self.bind(slot, holder, at.now);
            }
            return;
        }
        let expires_at = expires_at.as_microsecond();
        // Since then they have joined anew, as far as who tells of the slot cannot know.
        let is_later = |place| place != seq && is_given_after(place, known);
        let stands_elsewhere = self.places.stored(visitor).is_some_and(|(place, _)| is_later(place));
        if expires_at <= at.now || stands_elsewhere {
            return;
        }
        // Admitted again since under another token, which the site has claimed.
        if self.slots.of(visitor).is_some_and(|slot| slot.holder.is_some()) {
            return;
        }
        // Admitted from there, or given the place again and admitted once more.
        self.places.remove(visitor);
        if let Some(before) = self.slots.of(visitor).map(|slot| slot.token) {
            self.drop_slot(before, at.now);
        }
        let lasts = expires_at.saturating_sub(at.now);
        self.slots.insert(Slot {
            token,
            seq,
            visitor,
            network: None,
            admitted_at: admitted_at.as_microsecond(),
            arrive_by: at.line,
            arrival: Some(Arrival { at: at.line, claim_by: at.line.saturating_add(lasts) }),
            expires_at,
            holder,
        });
    }

    /// Goes on with what has been handed back, once all were heard or have had their time: the grace time of everybody
    /// who was passed begins. The gateways are to report anew who is there, and have some time for it.
    fn end_rejoining(&mut self, at: Moment) {
        self.note_time(at.now);
        self.accrue(at.now);
        let waited = self.rejoining.take();
        let has_waited = waited.is_some();
        if let Some(Rejoining { hearing, kept_until }) = waited {
            self.renew_slots(at);
            self.history = History(at.now);
            if hearing.own_head() == Some(self.log.head()) {
                // Their time to come back began with the wait.
                for seq in self.places.kept_until(kept_until) {
                    self.log.append(LineChange::Away { seq });
                }
            } else {
                self.log.break_off();
            }
            self.places.begin_grace(at.grace, self.grace());
        }
        self.control.rejoining_until = has_waited.then(|| instant(at.now.saturating_add(micros(REJOINING_SETTLES))));
        self.is_unreported |= has_waited;
    }

    /// How far its visitor has come may be forgotten: a slot that nobody has claimed counts as arrived at, and a claim
    /// has the whole time again. Whoever has a slot stands nowhere.
    fn renew_slots(&mut self, at: Moment) {
        let claim_by = at.line.saturating_add(micros(self.control.baseline.lifetimes.claim));
        for slot in self.slots.all() {
            self.places.remove(unknown_at(slot.seq));
            if slot.holder.is_some() || !slot.is_live(at) {
                continue;
            }
            if let (None, Some(network)) = (slot.arrival, slot.network) {
                self.networks.note(network, at.now, |outcomes| {
                    outcomes.on_the_way = outcomes.on_the_way.saturating_sub(1);
                });
            }
            let arrival = slot.arrival.unwrap_or(Arrival { at: at.line, claim_by });
            self.slots.remove(slot.token);
            let arrival = Arrival { claim_by: arrival.claim_by.max(claim_by), ..arrival };
            self.slots.insert(Slot { arrival: Some(arrival), ..slot });
        }
    }

    /// Goes on where nobody is waited for any longer.
    pub(super) fn end_overdue_rejoining(&mut self, report: &Report, at: Moment) {
        let remembers_nothing = report.epoch != self.epoch;
        if self.rejoining.as_mut().is_some_and(|Rejoining { hearing, .. }| hearing.keep_to_the_clock(at.now)) {
            self.control.rejoining_until = Some(instant(at.now.saturating_add(micros(REJOINING_AT_MOST))));
        }
        let is_over = self.rejoining.as_mut().is_some_and(|Rejoining { hearing, .. }| {
            hearing.note_step(report, remembers_nothing) && hearing.is_complete() || hearing.is_over(at.now)
        });
        // A store does not wait for ever.
        let is_due = self.control.rejoining_until.is_some() && !self.control.rejoins(instant(at.now));
        if is_over || is_due {
            self.end_rejoining(at);
        }
    }

    /// Whether gateways are giving the line back, or are yet to report anew who is there.
    pub(super) fn waits(&self, now: i64) -> bool {
        self.rejoining.is_some() || self.control.rejoins(instant(now))
    }

    /// Whether it waits for what gateways remember: whatever was done now might be about a line that is not all here.
    pub(super) fn waits_for_gateways(&self) -> bool {
        self.rejoining.is_some()
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
            self.lost.forget(visitor);
        }
    }
}
