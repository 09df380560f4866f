//! What the store is told of those who are present, by place and as far as it wants to know.

use contract::ids::VisitorId;

use super::Presence;
use crate::line::{ReadyVisitor, Sequence};

/// Visitors reported in one step at most; the others follow in the next.
const MOST_REPORTED: usize = 2_000;

/// What a report says of the visitors here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Visitors who have become ready.
    pub ready: Vec<ReadyVisitor>,
    /// Visitors who are no longer.
    pub gone: Vec<(VisitorId, Sequence)>,
    /// Everybody up to this place is reported.
    pub covers: Sequence,
    /// Nobody who joins here from now on, or is joining, gets a place up to this one.
    pub newest: Sequence,
    /// The place of the wanted-th visitor above.
    pub reach: Option<Sequence>,
}

impl Changes {
    /// Of a gateway where nobody is.
    pub fn nobody() -> Self {
        let (covers, newest) = (Sequence::LAST, Sequence::LAST);
        Self { ready: Vec::new(), gone: Vec::new(), covers, newest, reach: None }
    }
}

fn after(seq: Sequence) -> Sequence {
    Sequence(seq.0.saturating_add(1))
}

impl Presence {
    /// The store knows nothing of what was reported: all must be told again.
    pub fn begin_anew(&mut self) {
        self.gone.clear();
        self.visitors.values_mut().for_each(|present| present.reported = false);
        self.tell_all_again();
    }

    /// The store may have dropped some of those who were reported: all are told again, which is harmless.
    pub fn tell_all_again(&mut self) {
        let told = self.visitors.values().filter(|present| !self.holds_back(present.network));
        let seqs = told.map(|present| (present.seq, present.reported && !self.unreported.contains(&present.seq)));
        let (outdated, unreported): (Vec<_>, Vec<_>) = seqs.partition(|(_, is_known)| *is_known);
        let places = |told: Vec<(Sequence, bool)>| told.into_iter().map(|(seq, _)| seq).collect();
        (self.outdated, self.unreported) = (places(outdated), places(unreported));
    }

    /// What the next report says, when places up to `newest` are known to have been given. Whoever it names counts as
    /// reported; [`Presence::take_back`] is for when it fails.
    pub fn changes(&mut self, horizon: Sequence, newest: Sequence, wanted: u64) -> Changes {
        // The invited are few, and each of them may be next. They leave half the room to the others.
        let mut places: Vec<Sequence> =
            self.unreported.range(Sequence::INVITED..).take(MOST_REPORTED / 2).copied().collect();
        // Whoever has a number of a draw has no place to be admitted at yet.
        let to_tell = (horizon >= Sequence::ABOVE_NUMBERS).then_some(Sequence::ABOVE_NUMBERS..=horizon);
        let unreported = to_tell.into_iter().flat_map(|places| self.unreported.range(places));
        let general = unreported.take_while(|seq| !seq.is_invited()).take(MOST_REPORTED - places.len()).copied();
        places.extend(general.collect::<Vec<_>>());
        // Whoever is only told again was covered before.
        let near = self.outdated.range(..=horizon).chain(self.outdated.range(Sequence::INVITED.max(after(horizon))..));
        let room = MOST_REPORTED - places.len();
        places.extend(near.take(room).copied().collect::<Vec<_>>());
        let ready = places.into_iter().filter_map(|seq| self.told(seq)).collect();
        let covers = self.unreported.first().map_or(horizon, |left| horizon.min(Sequence(left.0 - 1)));
        // Who joins from now on, or is joining, is not in this report. The join that began first knew the least.
        let newest = self.joining.first_key_value().map_or(newest, |(_, known)| newest.min(*known));
        let beyond = after(covers).clamp(Sequence::ABOVE_NUMBERS, Sequence::INVITED)..Sequence::INVITED;
        let nth = usize::try_from(wanted.saturating_sub(1)).unwrap_or(usize::MAX);
        let reach = self.by_seq.range(beyond).nth(nth).map(|(seq, _)| *seq);
        Changes { ready, gone: std::mem::take(&mut self.gone), covers, newest, reach }
    }

    /// What a report says of the visitor at a place, who counts as reported from now on.
    fn told(&mut self, seq: Sequence) -> Option<ReadyVisitor> {
        self.unreported.remove(&seq);
        self.outdated.remove(&seq);
        let visitor = *self.by_seq.get(&seq)?;
        let present = self.visitors.get_mut(&visitor)?;
        present.reported = true;
        let due_in = present.due.saturating_sub(self.time);
        Some(ReadyVisitor { visitor, seq, network: present.network, due_in })
    }

    /// A report has failed: what it said is to be said again. Saying twice what had arrived is harmless.
    pub fn take_back(&mut self, changes: Changes) {
        for told in changes.ready {
            if let Some(present) = self.visitors.get(&told.visitor) {
                // The store may have them or not: nobody is covered before it surely has.
                if !self.holds_back(present.network) {
                    self.outdated.remove(&present.seq);
                    self.unreported.insert(present.seq);
                }
            } else {
                self.gone.push((told.visitor, told.seq));
            }
        }
        self.gone.extend(changes.gone);
    }

    /// What the store has of a visitor is out of date.
    pub(super) fn tell_again(&mut self, visitor: VisitorId) {
        if let Some(present) = self.visitors.get(&visitor)
            && !self.holds_back(present.network)
        {
            let of_kind = if present.reported { &mut self.outdated } else { &mut self.unreported };
            of_kind.insert(present.seq);
        }
    }
}
