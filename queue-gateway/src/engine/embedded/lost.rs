//! Why visitors have no place any more, for a while.

use std::collections::{BTreeMap, HashMap};

use contract::ids::VisitorId;

use crate::{engine::MOST_LOST, line::Lost};

/// The newest reasons, bounded in number.
#[derive(Debug, Default)]
pub(super) struct LostTurns {
    reasons: HashMap<VisitorId, (u64, Lost)>,
    oldest_first: BTreeMap<u64, VisitorId>,
    noted: u64,
}

impl LostTurns {
    /// Remembers a reason; the oldest makes room.
    pub(super) fn note(&mut self, visitor: VisitorId, reason: Lost) {
        self.forget(visitor);
        self.noted += 1;
        self.reasons.insert(visitor, (self.noted, reason));
        self.oldest_first.insert(self.noted, visitor);
        if self.oldest_first.len() > MOST_LOST
            && let Some((_, oldest)) = self.oldest_first.pop_first()
        {
            self.reasons.remove(&oldest);
        }
    }

    /// Forgets why the visitor had no place: they have one again, and may lose it for a reason that is not noted.
    pub(super) fn forget(&mut self, visitor: VisitorId) {
        if let Some((number, _)) = self.reasons.remove(&visitor) {
            self.oldest_first.remove(&number);
        }
    }

    pub(super) fn of(&self, visitor: VisitorId) -> Option<Lost> {
        self.reasons.get(&visitor).map(|(_, reason)| *reason)
    }
}
