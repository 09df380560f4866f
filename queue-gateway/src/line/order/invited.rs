//! The order in the priority lane.

use crate::line::{place::Sequence, sparse::Sparse};

/// Who stands in the priority lane: places that the log names one by one.
///
/// No position ever rises: whoever stands at or before the highest place that was admitted is next, as in the general
/// line.
#[derive(Clone, Debug)]
pub(super) struct InvitedOrder {
    places: Sparse,
    /// The highest that was given.
    last: Sequence,
    watermark: Sequence,
}

impl InvitedOrder {
    pub(super) fn rebuild(last: Sequence, watermark: Sequence, places: impl Iterator<Item = Sequence>) -> Self {
        let mut order = Self { places: Sparse::default(), last, watermark };
        places.for_each(|seq| order.insert(seq));
        order
    }

    pub(super) fn insert(&mut self, seq: Sequence) {
        self.last = self.last.max(seq);
        self.places.insert(seq.0);
    }

    pub(super) fn depart(&mut self, seq: Sequence) {
        self.places.remove(seq.0);
    }

    pub(super) fn admit(&mut self, seq: Sequence) {
        self.last = self.last.max(seq);
        self.watermark = self.watermark.max(seq);
        self.depart(seq);
    }

    pub(super) fn holds(&self, seq: Sequence) -> bool {
        self.places.contains(seq.0)
    }

    /// How many go before a place, whether or not it is in the lane.
    pub(super) fn ahead(&self, seq: Sequence) -> u64 {
        if seq <= self.watermark {
            return 0;
        }
        self.places.below(seq.0) - self.places.below(self.watermark.0 + 1)
    }

    /// Whether somebody behind a place has gone in.
    pub(super) fn is_passed(&self, seq: Sequence) -> bool {
        seq <= self.watermark
    }

    /// How many places there are before one.
    pub(super) fn below(&self, seq: Sequence) -> u64 {
        self.places.below(seq.0)
    }

    pub(super) fn last(&self) -> Sequence {
        self.last
    }

    pub(super) fn watermark(&self) -> Sequence {
        self.watermark
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Sequence> {
        self.places.iter().map(Sequence)
    }

    pub(super) fn len(&self) -> u64 {
        self.places.len()
    }
}
