//! Who has a place, which places have been passed, and which of those are kept for how long.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    ops::Bound,
};

use contract::ids::VisitorId;
use uuid::Uuid;

use super::roster::Roster;
use crate::{
    engine::{MOST_SWEPT, PASSED_TOGETHER},
    line::{Extent, LinePage, Sequence, unknown_at},
};

/// The line, and what its places last by.
#[derive(Debug)]
pub(super) struct Places {
    roster: Roster,
    /// How many of the places are in the priority lane.
    invited: usize,
    /// Visitors who were admitted once and did not arrive.
    no_shows: HashSet<VisitorId>,
    away: Away,
    passed: VecDeque<Stretch>,
    /// Places of older epochs that were given back once, as far as they have not expired.
    given_back: BTreeSet<Sequence>,
    watermark: Sequence,
    invited_watermark: Sequence,
    expired_through: Sequence,
    /// Expired places up to here are no longer stored.
    cleared_through: Sequence,
}

/// Places that were passed at about the same time.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    began: i64,
    ended: i64,
    through: Sequence,
}

/// Passed places whose visitors are known to be away, each with its own deadline in grace time.
#[derive(Debug, Default)]
struct Away {
    deadlines: HashMap<VisitorId, (i64, Sequence)>,
    by_deadline: BTreeSet<(i64, VisitorId)>,
    by_seq: BTreeMap<Sequence, VisitorId>,
}

/// By what passed places are over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    /// Grace time.
    pub(super) now: i64,
    /// How long passed places are kept.
    pub(super) lasting: i64,
    /// None is over, whatever the time.
    pub(super) suspended: bool,
}

/// Places that have just expired together.
#[derive(Debug)]
pub(super) struct ExpiredRange {
    pub(super) through: Sequence,
    pub(super) kept: Vec<Sequence>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            roster: Roster::default(),
            invited: 0,
            no_shows: HashSet::new(),
            away: Away::default(),
            passed: VecDeque::new(),
            given_back: BTreeSet::new(),
            watermark: Sequence::FIRST,
            invited_watermark: Sequence::FIRST,
            expired_through: Sequence::FIRST,
            cleared_through: Sequence::FIRST,
        }
    }
}

impl Places {
    /// Puts a visitor without a place at a sequence that is free.
    pub(super) fn insert(&mut self, seq: Sequence, visitor: VisitorId) {
        self.invited += usize::from(seq.is_invited());
        self.roster.insert(seq, visitor);
    }

    /// Puts whoever stands at a number of the draw at a place.
    pub(super) fn deal(&mut self, number: Sequence, seq: Sequence) {
        if let Some(visitor) = self.roster.at(number) {
            self.roster.remove(visitor);
            // Whoever is not known is looked for by the place.
            self.insert(seq, if visitor == unknown_at(number) { unknown_at(seq) } else { visitor });
        }
    }

    /// Gives a visitor a place of an older epoch back.
    pub(super) fn give_back(&mut self, seq: Sequence, visitor: VisitorId) {
        self.given_back.insert(seq);
        self.insert(seq, visitor);
    }

    /// Puts somebody whose name is not known at a place that is free.
    pub(super) fn insert_unknown(&mut self, seq: Sequence) {
        if self.roster.at(seq).is_none() {
            self.insert(seq, unknown_at(seq));
        }
        if seq.is_restored() && seq.number().is_none() {
            self.given_back.insert(seq);
        }
    }

    /// Gives a name to whoever stands at a place.
    pub(super) fn name(&mut self, visitor: VisitorId, seq: Sequence) {
        let unknown = unknown_at(seq);
        let deadline = self.away.deadlines.get(&unknown).map(|(deadline, _)| *deadline);
        self.take(unknown);
        self.insert(seq, visitor);
        if let Some(deadline) = deadline {
            self.away.insert(visitor, seq, deadline);
        }
    }

    /// Those who stand after `above` and up to `through`, and not at any of these places, which ascend.
    pub(super) fn not_among(
        &self,
        above: Sequence,
        through: Sequence,
        places: &[Sequence],
    ) -> Vec<(Sequence, VisitorId)> {
        let all = self.roster.between(above, through);
        all.filter(|(seq, _)| places.binary_search(seq).is_err()).collect()
    }

    /// Goes on from where a line was.
    pub(super) fn resume(&mut self, extent: Extent) {
        self.watermark = self.watermark.max(extent.watermark);
        self.invited_watermark = self.invited_watermark.max(extent.invited_watermark);
        self.expired_through = self.expired_through.max(extent.expired_through);
    }

    /// Gives whoever stands at a place a deadline of their own in grace time, unless they have one.
    pub(super) fn keep(&mut self, seq: Sequence, deadline: i64) {
        if let Some(visitor) = self.roster.at(seq).filter(|who| !self.away.deadlines.contains_key(who)) {
            self.away.insert(visitor, seq, deadline);
        }
    }

    /// The places whose own deadline is this one.
    pub(super) fn kept_until(&self, deadline: i64) -> Vec<Sequence> {
        let kept = self.away.by_deadline.range((deadline, VisitorId(Uuid::nil()))..);
        let kept = kept.take_while(|(at, _)| *at == deadline);
        kept.filter_map(|(_, visitor)| self.roster.place_of(*visitor)).collect()
    }

    /// The grace time of everybody who was passed begins now, and lasts so long: whoever has a deadline of their own may
    /// have come back since in what was lost.
    pub(super) fn begin_grace(&mut self, now: i64, lasting: i64) {
        self.away.renew(now.saturating_add(lasting));
        self.passed.clear();
        if self.watermark > self.expired_through {
            self.passed.push_back(Stretch { began: now, ended: now, through: self.watermark });
        }
    }

    /// Takes the visitor out, wherever they stand, and forgets all about them.
    pub(super) fn remove(&mut self, visitor: VisitorId) -> Option<Sequence> {
        self.away.remove(visitor);
        self.no_shows.remove(&visitor);
        self.take(visitor)
    }

    /// Takes the visitor out for an admission, which is not their first if they are a no-show.
    pub(super) fn take(&mut self, visitor: VisitorId) -> Option<Sequence> {
        self.away.remove(visitor);
        let seq = self.roster.remove(visitor)?;
        self.invited -= usize::from(seq.is_invited());
        Some(seq)
    }

    /// The visitor's place, unless it is over, whether or not a sweep has met it; `is_ready` says whether somebody who
    /// is ready stands at a place.
    pub(super) fn of(
        &self,
        visitor: VisitorId,
        keeping: Keeping,
        is_ready: impl FnOnce(Sequence) -> bool,
    ) -> Option<Sequence> {
        let seq = self.roster.place_of(visitor)?;
        let lasts = match self.away.deadlines.get(&visitor) {
            Some((deadline, _)) => keeping.suspended || *deadline > keeping.now,
            None => seq > self.over_through(keeping) || is_ready(seq),
        };
        lasts.then_some(seq)
    }

    /// The place at which the visitor is stored, over or not, and whether it has a deadline of its own.
    pub(super) fn stored(&self, visitor: VisitorId) -> Option<(Sequence, bool)> {
        let seq = self.roster.place_of(visitor)?;
        Some((seq, self.away.deadlines.contains_key(&visitor)))
    }

    /// Places up to here are over unless somebody came back to them, whether or not a sweep has met them.
    pub(super) fn over_through(&self, keeping: Keeping) -> Sequence {
        let Keeping { now, lasting, suspended } = keeping;
        let due = self.passed.partition_point(|stretch| !suspended && stretch.ended.saturating_add(lasting) <= now);
        due.checked_sub(1).and_then(|last| self.passed.get(last)).map_or(self.expired_through, |last| last.through)
    }

    /// Whether a place of an older epoch can be given back, which is once.
    pub(super) fn can_give_back(&self, seq: Sequence, keeping: Keeping) -> bool {
        !self.given_back.contains(&seq) && seq > self.over_through(keeping)
    }

    /// How many places are stored.
    pub(super) fn len(&self) -> usize {
        self.roster.len()
    }

    /// How many of them are of the general line.
    pub(super) fn general(&self) -> usize {
        self.roster.len() - self.invited
    }

    /// Whether anybody has a place of the general line above this one.
    pub(super) fn any_above(&self, seq: Sequence) -> bool {
        seq < Sequence::INVITED && self.roster.last_before(Sequence::INVITED).is_some_and(|last| last > seq)
    }

    pub(super) fn invited_watermark(&self) -> Sequence {
        self.invited_watermark
    }

    pub(super) fn watermark(&self) -> Sequence {
        self.watermark
    }

    pub(super) fn expired_through(&self) -> Sequence {
        self.expired_through
    }

    /// Whether whoever stands here has been passed.
    pub(super) fn is_passed(&self, seq: Sequence) -> bool {
        seq <= self.watermark
    }

    /// Passes everybody up to an admitted place; nobody in the priority lane is passed.
    pub(super) fn pass(&mut self, seq: Sequence, grace: i64) {
        if seq.is_invited() {
            self.invited_watermark = self.invited_watermark.max(seq);
            return;
        }
        if seq <= self.watermark {
            return;
        }
        self.watermark = seq;
        let together = i64::try_from(PASSED_TOGETHER.as_micros()).unwrap_or(i64::MAX);
        match self.passed.back_mut() {
            Some(last) if grace - last.began < together => (last.ended, last.through) = (grace, seq),
            _ => self.passed.push_back(Stretch { began: grace, ended: grace, through: seq }),
        }
    }

    /// Notes that the visitor of a passed place is away, and until when in grace time the place is kept.
    pub(super) fn set_away(&mut self, visitor: VisitorId, seq: Sequence, deadline: i64) {
        self.away.remove(visitor);
        self.away.insert(visitor, seq, deadline);
    }

    /// Notes that the visitor of a passed place is back.
    pub(super) fn set_back(&mut self, visitor: VisitorId) {
        self.away.remove(visitor);
    }

    pub(super) fn note_no_show(&mut self, visitor: VisitorId) {
        self.no_shows.insert(visitor);
    }

    pub(super) fn is_no_show(&self, visitor: VisitorId) -> bool {
        self.no_shows.contains(&visitor)
    }

    pub(super) fn forget_no_show(&mut self, visitor: VisitorId) {
        self.no_shows.remove(&visitor);
    }

    /// One visitor who has been away for too long, and the place.
    pub(super) fn next_overdue(&self, keeping: Keeping) -> Option<(VisitorId, Sequence)> {
        let overdue = |(deadline, _): &&(i64, VisitorId)| !keeping.suspended && *deadline <= keeping.now;
        let (_, visitor) = self.away.by_deadline.first().filter(overdue)?;
        self.away.deadlines.get(visitor).map(|(_, seq)| (*visitor, *seq))
    }

    /// Lets the places up to `through` expire, as far as nobody has come back to them: those that are `ready`, of the
    /// places from the last that expired up to `through`, and those with a deadline of their own are kept.
    pub(super) fn expire(&mut self, through: Sequence, ready: impl Iterator<Item = Sequence>) -> ExpiredRange {
        let mut kept = self.kept(self.expired_through, through, ready, MOST_SWEPT + 1);
        let mut through = through;
        // A log entry has a bound: what is left of the stretches goes with the next step.
        if kept.len() > MOST_SWEPT {
            kept.pop();
            through = kept.last().copied().unwrap_or(through);
        }
        self.passed.retain(|stretch| stretch.through > through);
        self.expired_through = through;
        self.given_back = self.given_back.split_off(&Sequence(through.0 + 1));
        ExpiredRange { through, kept }
    }

    /// Stops storing some of the places that have expired.
    pub(super) fn clear(&mut self, is_ready: impl Fn(Sequence) -> bool) {
        let some: Vec<_> = self.roster.between(self.cleared_through, self.expired_through).take(MOST_SWEPT).collect();
        self.cleared_through = if some.len() < MOST_SWEPT {
            self.expired_through
        } else {
            some.last().map_or(self.expired_through, |(seq, _)| *seq)
        };
        for (seq, visitor) in some {
            if !self.away.deadlines.contains_key(&visitor) && !is_ready(seq) {
                self.remove(visitor);
            }
        }
    }

    /// Up to `limit` places above `above` that have not expired; `ready` are those of the expired ones that are ready.
    pub(super) fn page(&self, above: Sequence, limit: usize, ready: impl Iterator<Item = Sequence>) -> LinePage {
        // Never through what has expired: a million such places may not be cleared yet.
        let kept = self.kept(above, self.expired_through, ready, limit);
        let lasting = self.roster.between(above.max(self.expired_through), Sequence::LAST);
        LinePage { places: kept.into_iter().chain(lasting.map(|(seq, _)| seq)).take(limit).collect() }
    }

    /// The lowest `most` passed places above `above`, up to and including `through`, that do not expire with the places
    /// around them: those of `ready`, which ascend within the same bounds, and those with a deadline of their own.
    fn kept(
        &self,
        above: Sequence,
        through: Sequence,
        ready: impl Iterator<Item = Sequence>,
        most: usize,
    ) -> Vec<Sequence> {
        if above >= through {
            return Vec::new();
        }
        let away = self.away.by_seq.range((Bound::Excluded(above), Bound::Included(through))).map(|(seq, _)| *seq);
        let both: BTreeSet<Sequence> = away.take(most).chain(ready.take(most)).collect();
        both.into_iter().take(most).collect()
    }
}

impl Away {
    fn insert(&mut self, visitor: VisitorId, seq: Sequence, deadline: i64) {
        self.deadlines.insert(visitor, (deadline, seq));
        self.by_deadline.insert((deadline, visitor));
        self.by_seq.insert(seq, visitor);
    }

    /// No deadline is before this one.
    fn renew(&mut self, deadline: i64) {
        while let Some((at, visitor)) = self.by_deadline.first().copied().filter(|(at, _)| *at < deadline) {
            self.by_deadline.remove(&(at, visitor));
            self.by_deadline.insert((deadline, visitor));
            self.deadlines.entry(visitor).and_modify(|(at, _)| *at = deadline);
        }
    }

    fn remove(&mut self, visitor: VisitorId) {
        if let Some((deadline, seq)) = self.deadlines.remove(&visitor) {
            self.by_deadline.remove(&(deadline, visitor));
            self.by_seq.remove(&seq);
        }
    }
}
