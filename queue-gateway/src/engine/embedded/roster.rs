//! Who stands where, in both directions, in about thirty bytes a visitor.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
};

use contract::ids::VisitorId;
use hashbrown::HashTable;
use slab::Slab;
use uuid::Uuid;

use crate::line::Sequence;

/// Neighbouring places that are stored together. Sequences are issued without gaps, so most pages are full.
const PAGE: usize = 64;

/// One visitor a place, one place a visitor.
///
/// A page stores nothing but visitors, since who stands where says the place; and the table of visitors nothing but
/// where they are stored, since it says there who it is. Two maps would hold both twice.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pages: Pages,
    /// By the hash of whoever is stored there.
    spots: HashTable<Spot>,
    hashes: RandomState,
}

#[derive(Debug, Default)]
struct Pages {
    stored: Slab<Box<Page>>,
    /// The key of each.
    by_number: BTreeMap<i64, usize>,
}

#[derive(Debug)]
struct Page {
    number: i64,
    visitors: [VisitorId; PAGE],
}

/// At a place where nobody stands. No visitor has this id.
const NOBODY: VisitorId = VisitorId(Uuid::nil());

/// Where a visitor is stored: the key of a page and the offset there, in half of what a place takes.
#[derive(Clone, Copy, Debug)]
struct Spot(u32);

impl Roster {
    /// How many places are taken.
    pub(super) fn len(&self) -> usize {
        self.spots.len()
    }

    /// Who stands at a place.
    pub(super) fn at(&self, seq: Sequence) -> Option<VisitorId> {
        self.pages.at(seq)
    }

    /// Where a visitor stands.
    pub(super) fn place_of(&self, visitor: VisitorId) -> Option<Sequence> {
        let is_theirs = |spot: &Spot| self.pages.visitor(*spot) == Some(visitor);
        self.spots.find(self.hashes.hash_one(Some(visitor)), is_theirs).map(|spot| self.pages.place(*spot))
    }

    /// Puts a visitor who stands nowhere at a place where nobody stands.
    pub(super) fn insert(&mut self, seq: Sequence, visitor: VisitorId) {
        debug_assert_eq!((self.at(seq), self.place_of(visitor)), (None, None), "{visitor} at {seq:?}");
        let Self { pages, spots, hashes } = self;
        let spot = pages.store(seq, visitor);
        spots.insert_unique(hashes.hash_one(Some(visitor)), spot, |spot| hashes.hash_one(pages.visitor(*spot)));
    }

    /// Takes a visitor out. Returns where they stood.
    pub(super) fn remove(&mut self, visitor: VisitorId) -> Option<Sequence> {
        let Self { pages, spots, hashes } = self;
        let is_theirs = |spot: &Spot| pages.visitor(*spot) == Some(visitor);
        let (spot, _) = spots.find_entry(hashes.hash_one(Some(visitor)), is_theirs).ok()?.remove();
        Some(pages.clear(spot))
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

impl Spot {
    fn of(key: usize, offset: usize) -> Self {
        let spot = u32::try_from(key * PAGE + offset);
        Self(spot.unwrap_or_else(|_| panic!("a line of over {} places", u32::MAX)))
    }

    /// The key of the page, and the offset there.
    fn split(self) -> (usize, usize) {
        (self.0 as usize / PAGE, self.0 as usize % PAGE)
    }
}

impl Pages {
    fn at(&self, seq: Sequence) -> Option<VisitorId> {
        let (number, offset) = split(seq);
        somebody(self.stored[*self.by_number.get(&number)?].visitors[offset])
    }

    fn visitor(&self, spot: Spot) -> Option<VisitorId> {
        let (key, offset) = spot.split();
        somebody(self.stored[key].visitors[offset])
    }

    fn place(&self, spot: Spot) -> Sequence {
        let (key, offset) = spot.split();
        join(self.stored[key].number, offset)
    }

    fn store(&mut self, seq: Sequence, visitor: VisitorId) -> Spot {
        let (number, offset) = split(seq);
        let begin = || self.stored.insert(Box::new(Page { number, visitors: [NOBODY; PAGE] }));
        let key = *self.by_number.entry(number).or_insert_with(begin);
        self.stored[key].visitors[offset] = visitor;
        Spot::of(key, offset)
    }

    /// Nobody is stored there any more. Returns the place that it was.
    fn clear(&mut self, spot: Spot) -> Sequence {
        let (key, offset) = spot.split();
        let page = &mut self.stored[key];
        page.visitors[offset] = NOBODY;
        let number = page.number;
        if page.visitors == [NOBODY; PAGE] {
            self.by_number.remove(&number);
            self.stored.remove(key);
        }
        join(number, offset)
    }

    fn between(
        &self,
        above: Sequence,
        through: Sequence,
    ) -> impl DoubleEndedIterator<Item = (Sequence, VisitorId)> + '_ {
        let ((first, _), (last, _)) = (split(above), split(through.max(above)));
        let pages = self.by_number.range(first..=last);
        let all = pages.flat_map(|(number, key)| {
            let places = self.stored[*key].visitors.iter().enumerate();
            places.filter_map(|(offset, visitor)| Some((join(*number, offset), somebody(*visitor)?)))
        });
        all.filter(move |(seq, _)| above < *seq && *seq <= through)
    }
}

fn somebody(visitor: VisitorId) -> Option<VisitorId> {
    Some(visitor).filter(|visitor| *visitor != NOBODY)
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
            prop_assert!(roster.pages.stored.is_empty() && roster.pages.by_number.is_empty() && roster.len() == 0, "nothing is kept of those who went");
        }
    }
}
