//! A line that gateways give back to a store that has lost it, or its last writes.

use std::collections::BTreeSet;

use contract::ids::{ActiveTokenId, VisitorId};

use super::{Queue, least_alive, micros};
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
        BY_GATEWAYS, Control, Draw, GatewayId, LineChange, LogIndex, Memory, MemoryPage, Place, REJOINING_BEGINS,
        REJOINING_HEARS, REJOINING_LASTS, REJOINING_PATIENCE, REJOINING_SETTLES, Rejoined, RememberedSlot, Report,
        Sequence, Standing, is_given_after, unknown_at,
    },
};

/// What has been handed back so far.
#[derive(Debug)]
pub(super) struct Rejoining {
    /// Up to which entry of the log the store knew the line itself; `None` where it has lost it.
    own: Option<LogIndex>,
    /// The newest entry that anybody remembers who is believed, the store itself among them.
    known: Option<LogIndex>,
    /// The last places of each lane that they know of.
    listed: (Sequence, Sequence),
    /// All of them are here.
    is_listed: bool,
    /// When the wait began.
    began_at: i64,
    /// When one of them was heard last.
    heard_at: i64,
    /// Whoever was passed and there when it began is kept for so long, in grace time.
    kept_until: i64,
    /// How many gateways are to be heard, and those that were.
    expected: u64,
    heard: BTreeSet<GatewayId>,
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
                self.begin_rejoining(Some(self.log.head()), now);
            } else if self.is_untouched() && self.epoch != memory.epoch {
                self.begin_rejoining(None, now);
                self.epoch = memory.epoch;
                self.take_orders(&memory.control, now);
            }
        }
        let Some(rejoining) = self.rejoining.as_mut().filter(|_| self.epoch == memory.epoch) else {
            return Rejoined::Refused;
        };
        rejoining.expected = rejoining.expected.max(memory.gateways);
        let until = rejoining.began_at.saturating_add(micros(REJOINING_LASTS));
        self.control.rejoining_until = Some(instant(until));
        let (head, draw) = (Some(memory.log_head), &memory.control.draw);
        let is_abandoned = !rejoining.is_listed && now - rejoining.heard_at > micros(REJOINING_PATIENCE);
        let draw_is_ahead = draw.is_ahead_of(&self.control.draw);
        let is_better =
            head > rejoining.known || head == rejoining.known && draw_is_ahead || is_abandoned && head > rejoining.own;
        if is_better {
            rejoining.known = head;
            rejoining.listed = (memory.extent.last_seq, memory.extent.last_invited);
            rejoining.is_listed = false;
        }
        let is_believed = head == rejoining.known && !rejoining.is_listed;
        let wanted = if is_believed { Rejoined::All } else { Rejoined::Since(rejoining.listed.0, rejoining.listed.1) };
        if is_believed {
            rejoining.heard_at = now;
        }
        if is_better {
            self.snapshot = None;
            self.log.go_on_after(memory.log_head);
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
        memory.epoch == self.epoch
            && (memory.log_head > self.log.head()
                || memory.extent.last_seq > self.last_seq
                || memory.extent.last_invited.nth_invited() > self.last_invited
                || memory.control.revision > self.control.revision)
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
            self.begin_rejoining(Some(self.log.head()), now);
        }
    }

    /// Begins to wait for what gateways remember. What they have reported of who is there says nothing any more: whoever was
    /// passed and is there counts as having just gone.
    fn begin_rejoining(&mut self, own: Option<LogIndex>, now: i64) {
        let at = self.note_time(now);
        self.accrue(now);
        let live = self.ready.live_gateways(least_alive(at));
        for (seq, visitor) in self.ready.visitors_through(self.places.watermark()) {
            self.set_away(visitor, seq, at);
        }
        self.ready.forget_all();
        // Gateways that were started with the store remember nothing, and nobody is waited for.
        let waits = if live > 0 { REJOINING_HEARS } else { REJOINING_BEGINS };
        self.control.rejoining_until = Some(instant(now.saturating_add(micros(waits))));
        let listed = own.map(|_| (self.last_seq, Sequence::of_invited(self.last_invited)));
        self.rejoining = Some(Rejoining {
            own,
            known: own,
            listed: listed.unwrap_or((Sequence::FIRST, Sequence::FIRST)),
            is_listed: own.is_some(),
            began_at: now,
            heard_at: now,
            kept_until: at.grace.saturating_add(self.grace()),
            expected: live.max(1),
            heard: BTreeSet::new(),
        });
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

    /// Goes on with what has been handed back, once all were heard or have had their time: the grace time of everybody who
    /// was passed begins. The gateways are to report anew who is there, and have some time for it.
    fn end_rejoining(&mut self, at: Moment) {
        self.note_time(at.now);
        self.accrue(at.now);
        let waited = self.rejoining.take();
        let has_waited = waited.is_some();
        if let Some(Rejoining { own, known, kept_until, .. }) = waited {
            self.renew_slots(at);
            if known == own {
                // Their time to come back began with the wait.
                for seq in self.places.kept_until(kept_until) {
                    self.log.append(LineChange::Away { seq });
                }
            } else {
                self.log.break_off();
            }
            self.places.begin_grace(at.grace);
        }
        self.control.rejoining_until = has_waited.then(|| instant(at.now.saturating_add(micros(REJOINING_SETTLES))));
        self.is_unreported |= has_waited;
    }

    /// How far its visitor has come may be forgotten: a slot that nobody has claimed counts as arrived at, and a claim has the
    /// whole time again. Whoever has a slot stands nowhere.
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

    /// A store does not wait for ever.
    pub(super) fn end_overdue_rejoining(&mut self, at: Moment) {
        if self.control.rejoining_until.is_some_and(|until| until.as_microsecond() <= at.now) {
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
        }
    }
}
