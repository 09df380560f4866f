//! Who stands where, in both directions, in about forty bytes a visitor.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
};

use contract::ids::VisitorId;
use hashbrown::HashTable;

use crate::line::Sequence;

/// Neighbouring places that are stored together. Sequences are issued without gaps, so most pages are full.
const PAGE: usize = 64;

/// One visitor a place, one place a visitor.
///
/// A page stores nothing but visitors, since who stands where says the place; and the table of visitors nothing but their
/// places, since the page there says who it is. Two maps would hold both twice.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pages: Pages,
    /// By the hash of whoever stands there.
    places: HashTable<Sequence>,
    hashes: RandomState,
}

#[derive(Debug, Default)]
struct Pages(BTreeMap<i64, Box<[Option<VisitorId>; PAGE]>>);

impl Roster {
    /// How many places are taken.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Who stands at a place.
    pub(super) fn at(&self, seq: Sequence) -> Option<VisitorId> {
        self.pages.at(seq)
    }

    /// Where a visitor stands.
    pub(super) fn place_of(&self, visitor: VisitorId) -> Option<Sequence> {
        let is_theirs = |seq: &Sequence| self.at(*seq) == Some(visitor);
        self.places.find(self.hashes.hash_one(Some(visitor)), is_theirs).copied()
    }

    /// Puts a visitor who stands nowhere at a place where nobody stands.
    pub(super) fn insert(&mut self, seq: Sequence, visitor: VisitorId) {
        debug_assert_eq!((self.at(seq), self.place_of(visitor)), (None, None), "{visitor} at {seq:?}");
        let Self { pages, places, hashes } = self;
        *pages.entry(seq) = Some(visitor);
        places.insert_unique(hashes.hash_one(Some(visitor)), seq, |seq| hashes.hash_one(pages.at(*seq)));
    }

    /// Takes a visitor out. Returns where they stood.
    pub(super) fn remove(&mut self, visitor: VisitorId) -> Option<Sequence> {
        let Self { pages, places, hashes } = self;
        let is_theirs = |seq: &Sequence| pages.at(*seq) == Some(visitor);
        let (seq, _) = places.find_entry(hashes.hash_one(Some(visitor)), is_theirs).ok()?.remove();
        pages.clear(seq);
        Some(seq)
    }

    /// Everybody after one place, up to and including another, ascending.
    pub(super) fn between(
        &self,
        above: Sequence,
        through: Sequence,
    ) -> impl Iterator<Item = (Sequence, VisitorId)> + '_ {
        self.pages.between(above, through)
    }

    /// The last place before this one where somebody stands.
    pub(super) fn last_before(&self, seq: Sequence) -> Option<Sequence> {
        self.pages.between(Sequence::FIRST, Sequence(seq.0 - 1)).next_back().map(|(last, _)| last)
    }
}

impl Pages {
    fn at(&self, seq: Sequence) -> Option<VisitorId> {
        let (page, offset) = split(seq);
        self.0.get(&page)?[offset]
    }

    fn entry(&mut self, seq: Sequence) -> &mut Option<VisitorId> {
        let (page, offset) = split(seq);
        &mut self.0.entry(page).or_insert_with(|| Box::new([None; PAGE]))[offset]
    }

    fn clear(&mut self, seq: Sequence) {
        *self.entry(seq) = None;
        let (page, _) = split(seq);
        if self.0.get(&page).is_some_and(|page| page.iter().all(Option::is_none)) {
            self.0.remove(&page);
        }
    }

    fn between(
        &self,
        above: Sequence,
        through: Sequence,
    ) -> impl DoubleEndedIterator<Item = (Sequence, VisitorId)> + '_ {
        let ((first, _), (last, _)) = (split(above), split(through.max(above)));
        let pages = self.0.range(first..=last);
        let all = pages.flat_map(|(page, visitors)| {
            let places = visitors.iter().enumerate();
            places.filter_map(|(offset, visitor)| Some((join(*page, offset), (*visitor)?)))
        });
        all.filter(move |(seq, _)| above < *seq && *seq <= through)
    }
}

/// The page of a place, and where it is there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a remainder is below the page's length"
)]
fn split(seq: Sequence) -> (i64, usize) {
    (seq.0.div_euclid(PAGE as i64), seq.0.rem_euclid(PAGE as i64) as usize)
}

#[expect(clippy::cast_possible_wrap, reason = "a place in a page is below its length")]
fn join(page: i64, offset: usize) -> Sequence {
    Sequence(page * PAGE as i64 + offset as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    /// Places of every kind, near to each other and at the edges of pages.
    fn any_place() -> impl Strategy<Value = Sequence> {
        let base = prop::sample::select(vec![-1_000_000, 0, 64, Sequence::of_number(1).0, Sequence::of_invited(1).0]);
        (base, -130..130_i64).prop_map(|(base, offset)| Sequence(base + offset))
    }

    proptest! {
        #[test]
        fn it_holds_what_two_maps_would(
            moves in prop::collection::vec((any_place(), 1..40_u128, any::<bool>()), 1..300),
            above in any_place(),
            through in any_place(),
        ) {
            let mut roster = Roster::default();
            let mut model: BTreeMap<Sequence, VisitorId> = BTreeMap::new();
            for (seq, visitor, comes) in moves {
                let visitor = VisitorId(Uuid::from_u128(visitor));
                let stands = model.iter().find(|(_, who)| **who == visitor).map(|(seq, _)| *seq);
                prop_assert_eq!(roster.place_of(visitor), stands);
                prop_assert_eq!(roster.at(seq), model.get(&seq).copied());
                if !comes {
                    prop_assert_eq!(roster.remove(visitor), stands);
                    stands.map(|seq| model.remove(&seq));
                } else if stands.is_none() && !model.contains_key(&seq) {
                    roster.insert(seq, visitor);
                    model.insert(seq, visitor);
                }
            }
            prop_assert_eq!(roster.len(), model.len());
            let expected: Vec<_> =
                model.iter().filter(|(seq, _)| above < **seq && **seq <= through).map(|(seq, who)| (*seq, *who)).collect();
            prop_assert_eq!(roster.between(above, through).collect::<Vec<_>>(), expected);
            let last = model.range(..through).next_back().map(|(seq, _)| *seq);
            prop_assert_eq!(roster.last_before(through), last);
            for visitor in model.into_values() {
                roster.remove(visitor);
            }
            prop_assert!(roster.pages.0.is_empty() && roster.len() == 0, "nothing is kept of those who went");
        }
    }
}
