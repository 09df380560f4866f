//! Who is present at one gateway in one queue, and what the store is told of it.
//!
//! A visitor is present while a stream of theirs is open, for a while after it closed, and until some time after the
//! next poll that they were asked to make. Only those near the front are reported, by place: up to the store's horizon.

mod reporting;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use contract::ids::VisitorId;

pub use self::reporting::Changes;
use super::{ClientNetwork, Drawn, Histogram, Sequence, Standpoint};

/// Counting everybody takes a walk over all: where they are many, estimates need it no oftener.
const COUNTED_EVERY: Duration = Duration::from_secs(1);
/// So many are counted in every step.
const COUNTED_AT_ONCE: usize = 4_096;

/// Who is present. Time is given as the length of line time that this gateway has seen, so that an outage of the store
/// makes nobody absent.
#[derive(Debug, Default)]
pub struct Presence {
    time: Duration,
    visitors: HashMap<VisitorId, Present>,
    by_seq: BTreeMap<Sequence, VisitorId>,
    by_network: BTreeSet<(ClientNetwork, Sequence)>,
    /// Of those without a stream.
    ends: BTreeSet<(Duration, VisitorId)>,
    /// Places of those who are to be reported.
    unreported: BTreeSet<Sequence>,
    /// Places of those who are reported, and of whom there is more to tell.
    outdated: BTreeSet<Sequence>,
    /// Reported, and no longer ready.
    gone: Vec<(VisitorId, Sequence)>,
    held_back: BTreeSet<ClientNetwork>,
    /// Joins under way: each gets a place above the newest that was known when it began.
    joining: BTreeMap<JoinUnderWay, Sequence>,
    joins: JoinUnderWay,
    stays: Stay,
    counted: Histogram,
    counted_at: Option<Duration>,
}

/// One time that a visitor is present, from when they came until they are forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stay(u64);

/// A join under way, in the order in which they began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JoinUnderWay(u64);

#[derive(Debug)]
struct Present {
    seq: Sequence,
    network: Option<ClientNetwork>,
    stay: Stay,
    streams: u32,
    /// Without a stream, present until then.
    until: Duration,
    /// When the next poll is due; already past for a stream.
    due: Duration,
    /// The store may have the visitor in its ready set.
    reported: bool,
}

impl Presence {
    /// A visitor was heard, is asked to poll again within `due_in`, and counts as present for `lasts`.
    pub fn heard(
        &mut self,
        visitor: VisitorId,
        seq: Sequence,
        network: Option<ClientNetwork>,
        due_in: Duration,
        lasts: Duration,
    ) {
        let (due, until) = (self.time + due_in, self.time + lasts);
        let present = self.enter(visitor, seq, network);
        let later = present.streams == 0 && present.due < due;
        present.until = present.until.max(until);
        if later {
            // The store goes by it when it gives the visitor time to arrive.
            present.due = due;
            self.tell_again(visitor);
        }
        self.note_end(visitor);
    }

    /// A visitor opened a stream.
    ///
    /// [`Presence::closed`] must be told the stay that is returned: a stream may close late, when its visitor has been
    /// forgotten and come again meanwhile.
    pub fn opened(&mut self, visitor: VisitorId, seq: Sequence, network: Option<ClientNetwork>) -> Stay {
        let time = self.time;
        let present = self.enter(visitor, seq, network);
        present.streams += 1;
        let stay = present.stay;
        if present.due > time {
            // An admission is told at once from now on, and the time to arrive begins with it.
            present.due = time;
            self.tell_again(visitor);
        }
        stay
    }

    /// A visitor's stream of this stay has closed; they count as present for at least `lasts`.
    pub fn closed(&mut self, visitor: VisitorId, stay: Stay, lasts: Duration) {
        let until = self.time + lasts;
        let Some(present) = self.visitors.get_mut(&visitor).filter(|present| present.stay == stay) else { return };
        present.streams = present.streams.saturating_sub(1);
        // They may have been asked to poll later than that.
        present.until = present.until.max(until);
        self.note_end(visitor);
    }

    /// The draw is made: whoever has a number stands at their place from now on.
    pub fn draw(&mut self, drawn: &Drawn) {
        let has_number = |seq: Sequence| drawn.place_in_line(seq) != seq;
        if !self.by_seq.keys().next().copied().is_some_and(has_number) {
            return;
        }
        for present in self.visitors.values_mut() {
            present.seq = drawn.place_in_line(present.seq);
        }
        self.forget_numbers();
        self.by_seq = self.visitors.iter().map(|(visitor, present)| (present.seq, *visitor)).collect();
        let networks = self.visitors.values().filter_map(|present| Some((present.network?, present.seq)));
        self.by_network = networks.collect();
        self.counted_at = None;
        self.tell_all_again();
    }

    /// There is no draw in which they take part: whoever still has a number has lost it, and must not hold up the
    /// others.
    pub fn forget_numbers(&mut self) {
        if self.by_seq.keys().next().is_none_or(|seq| seq.number().is_none()) {
            return;
        }
        let lost = self.visitors.iter().filter(|(_, present)| present.seq.number().is_some());
        for visitor in lost.map(|(visitor, _)| *visitor).collect::<Vec<_>>() {
            self.forget(visitor);
        }
    }

    /// A visitor who keeps their place is not present any more.
    pub fn give_up(&mut self, visitor: VisitorId) {
        if let Some(present) = self.remove(visitor)
            && present.reported
        {
            self.gone.push((visitor, present.seq));
        }
    }

    /// A visitor has no place any more.
    pub fn forget(&mut self, visitor: VisitorId) {
        self.remove(visitor);
    }

    /// Nobody stands at this place any more.
    pub fn forget_at(&mut self, seq: Sequence) {
        if let Some(visitor) = self.by_seq.get(&seq).copied() {
            self.forget(visitor);
        }
    }

    /// Forgets everybody: the store has begun a new epoch, and places are others.
    pub fn forget_all(&mut self) {
        // Who joins meanwhile gets a place of the new line, and what was known of the old one says nothing about that.
        let joining = self.joining.keys().map(|join| (*join, Sequence::FIRST)).collect();
        *self = Self { time: self.time, stays: self.stays, joins: self.joins, joining, ..Self::default() };
    }

    /// Lets time pass; those whose time is over are no longer present.
    pub fn advance(&mut self, by: Duration) {
        self.time += by;
        while let Some(&(until, visitor)) = self.ends.first()
            && until <= self.time
        {
            self.ends.pop_first();
            self.give_up(visitor);
        }
    }

    /// Visitors of these networks shall not be ready from now on; those of others may be.
    pub fn hold_back(&mut self, networks: impl IntoIterator<Item = ClientNetwork>) {
        let before = std::mem::replace(&mut self.held_back, networks.into_iter().collect());
        for network in before.symmetric_difference(&self.held_back) {
            let here = (*network, Sequence(i64::MIN))..=(*network, Sequence(i64::MAX));
            for (_, seq) in self.by_network.range(here) {
                let Some(visitor) = self.by_seq.get(seq) else { continue };
                let Some(present) = self.visitors.get_mut(visitor) else { continue };
                if before.contains(network) {
                    self.unreported.insert(*seq);
                    continue;
                }
                self.unreported.remove(seq);
                self.outdated.remove(seq);
                if std::mem::take(&mut present.reported) {
                    self.gone.push((*visitor, *seq));
                }
            }
        }
    }

    /// Whether visitors from there may not be ready at present.
    pub fn holds_back(&self, network: Option<ClientNetwork>) -> bool {
        network.is_some_and(|network| self.held_back.contains(&network))
    }

    /// The networks whose visitors shall not be ready at present.
    pub fn held_back(&self) -> impl Iterator<Item = ClientNetwork> + '_ {
        self.held_back.iter().copied()
    }

    /// Whether nothing but their network keeps somebody out who stands here: whoever is passed and present is otherwise
    /// let in next.
    pub fn keeps_out(&self, point: Standpoint, network: Option<ClientNetwork>) -> bool {
        point.parked && self.holds_back(network)
    }

    /// Somebody who is here is about to get a place above the `newest` that is known. Until [`Presence::join_ends`] no
    /// report claims to know of that place: the line would pass them before they are known.
    pub fn join_begins(&mut self, newest: Sequence) -> JoinUnderWay {
        self.joins.0 += 1;
        self.joining.insert(self.joins, newest);
        self.joins
    }

    /// A join has ended, and its visitor was heard.
    pub fn join_ends(&mut self, join: JoinUnderWay) {
        self.joining.remove(&join);
    }

    /// Everybody who is present in the general line, by place; where they are many, as of the last second.
    pub fn histogram(&mut self) -> Histogram {
        let is_old = self.counted_at.is_none_or(|at| self.time.saturating_sub(at) >= COUNTED_EVERY);
        if is_old || self.visitors.len() <= COUNTED_AT_ONCE {
            self.counted = Histogram::of(self.by_seq.range(..Sequence::INVITED).map(|(seq, _)| *seq));
            self.counted_at = Some(self.time);
        }
        self.counted.clone()
    }

    /// How many are present.
    pub fn len(&self) -> usize {
        self.visitors.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.visitors.is_empty()
    }

    /// Whether nobody is here, nor about to be by a join under way.
    pub fn is_nobody_expected(&self) -> bool {
        self.visitors.is_empty() && self.joining.is_empty()
    }

    fn enter(&mut self, visitor: VisitorId, seq: Sequence, network: Option<ClientNetwork>) -> &mut Present {
        let (time, held_back) = (self.time, self.holds_back(network));
        self.stays.0 += 1;
        let fresh = Present { stay: self.stays, seq, network, streams: 0, until: time, due: time, reported: false };
        let present = self.visitors.entry(visitor).or_insert(fresh);
        self.ends.remove(&(present.until, visitor));
        let mut news = present.stay == self.stays;
        if (present.seq, present.network) != (seq, network) {
            // The visitor has another place now, or comes from elsewhere.
            news = true;
            if let Some(network) = present.network {
                self.by_network.remove(&(network, present.seq));
            }
            if present.seq != seq {
                self.by_seq.remove(&present.seq);
                self.unreported.remove(&present.seq);
                self.outdated.remove(&present.seq);
            }
            if (present.seq != seq || held_back) && std::mem::take(&mut present.reported) {
                self.gone.push((visitor, present.seq));
            }
            (present.seq, present.network) = (seq, network);
        }
        if news {
            self.by_seq.insert(seq, visitor);
            if let Some(network) = network {
                self.by_network.insert((network, seq));
            }
            self.unreported.remove(&seq);
            self.outdated.remove(&seq);
            match (held_back, present.reported) {
                (true, _) => false,
                (false, true) => self.outdated.insert(seq),
                (false, false) => self.unreported.insert(seq),
            };
        }
        present
    }

    fn remove(&mut self, visitor: VisitorId) -> Option<Present> {
        let present = self.visitors.remove(&visitor)?;
        self.by_seq.remove(&present.seq);
        if let Some(network) = present.network {
            self.by_network.remove(&(network, present.seq));
        }
        self.unreported.remove(&present.seq);
        self.outdated.remove(&present.seq);
        self.ends.remove(&(present.until, visitor));
        Some(present)
    }

    fn note_end(&mut self, visitor: VisitorId) {
        if let Some(present) = self.visitors.get(&visitor).filter(|present| present.streams == 0) {
            self.ends.insert((present.until, visitor));
        }
    }
}

#[cfg(test)]
mod tests;
