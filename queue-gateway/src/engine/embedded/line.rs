//! Those who wait, in order.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use contract::ids::VisitorId;

use crate::line::{LinePage, Sequence};

/// The line: one visitor a sequence, one sequence a visitor.
#[derive(Debug, Default)]
pub(super) struct Line {
    by_seq: BTreeMap<Sequence, VisitorId>,
    by_visitor: HashMap<VisitorId, Sequence>,
}

impl Line {
    /// Puts a visitor who is not in the line at a sequence that is free.
    pub(super) fn insert(&mut self, seq: Sequence, visitor: VisitorId) {
        self.by_seq.insert(seq, visitor);
        self.by_visitor.insert(visitor, seq);
    }

    /// Takes the visitor out, wherever he stands.
    pub(super) fn remove(&mut self, visitor: VisitorId) -> Option<Sequence> {
        let seq = self.by_visitor.remove(&visitor)?;
        self.by_seq.remove(&seq);
        Some(seq)
    }

    /// Takes out whoever is first.
    pub(super) fn pop_front(&mut self) -> Option<(Sequence, VisitorId)> {
        let (seq, visitor) = self.by_seq.pop_first()?;
        self.by_visitor.remove(&visitor);
        Some((seq, visitor))
    }

    /// The visitor's order, where he waits.
    pub(super) fn seq_of(&self, visitor: VisitorId) -> Option<Sequence> {
        self.by_visitor.get(&visitor).copied()
    }

    /// Whether somebody stands at this sequence.
    pub(super) fn is_taken(&self, seq: Sequence) -> bool {
        self.by_seq.contains_key(&seq)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.by_seq.len()
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.by_seq.is_empty()
    }

    /// Up to `limit` sequences above `above`.
    pub(super) fn page(&self, above: Option<Sequence>, limit: usize) -> LinePage {
        let from = above.map_or(Bound::Unbounded, Bound::Excluded);
        LinePage { waiting: self.by_seq.range((from, Bound::Unbounded)).map(|(seq, _)| *seq).take(limit).collect() }
    }
}
