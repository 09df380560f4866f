//! The active set: who has been admitted, until when, and bound to whom.

use std::collections::{BTreeSet, HashMap};

use contract::ids::{ActiveTokenId, MemberId, VisitorId};
use jiff::Timestamp;

use crate::line::{Admission, Sequence, Standing};

/// One admitted visitor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) seq: Sequence,
    pub(super) visitor: VisitorId,
    pub(super) admission: Admission,
    /// Who claimed the token, once somebody has.
    pub(super) holder: Option<MemberId>,
}

impl Slot {
    /// From this moment on the slot is free.
    pub(super) fn deadline(&self) -> Timestamp {
        if self.holder.is_some() { self.admission.expires_at } else { self.admission.claim_before }
    }

    /// The slot as its visitor sees it.
    pub(super) fn standing(&self) -> Standing {
        Standing::Admitted { seq: self.seq, admission: self.admission }
    }
}

/// Slots by token, by visitor and by deadline; the three always name the same slots.
#[derive(Debug, Default)]
pub(super) struct Slots {
    occupied: HashMap<ActiveTokenId, Slot>,
    tokens: HashMap<VisitorId, ActiveTokenId>,
    deadlines: BTreeSet<(Timestamp, ActiveTokenId)>,
}

impl Slots {
    /// Adds a slot whose token and visitor have none.
    pub(super) fn insert(&mut self, slot: Slot) {
        let token = slot.admission.token;
        self.deadlines.insert((slot.deadline(), token));
        self.tokens.insert(slot.visitor, token);
        self.occupied.insert(token, slot);
    }

    /// Ends a slot.
    pub(super) fn remove(&mut self, token: ActiveTokenId) -> Option<Slot> {
        let slot = self.occupied.remove(&token)?;
        self.tokens.remove(&slot.visitor);
        self.deadlines.remove(&(slot.deadline(), token));
        Some(slot)
    }

    /// Ends the visitor's slot.
    pub(super) fn remove_of(&mut self, visitor: VisitorId) -> Option<Slot> {
        let token = *self.tokens.get(&visitor)?;
        self.remove(token)
    }

    /// Ends one slot whose deadline has come.
    pub(super) fn pop_expired(&mut self, now: Timestamp) -> Option<Slot> {
        let (deadline, token) = *self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.remove(token)
    }

    /// Binds a slot to its holder, which moves its deadline to the token's expiry.
    pub(super) fn bind(&mut self, token: ActiveTokenId, holder: MemberId) {
        if let Some(slot) = self.remove(token) {
            self.insert(Slot { holder: Some(holder), ..slot });
        }
    }

    /// The slot of a token.
    pub(super) fn get(&self, token: ActiveTokenId) -> Option<&Slot> {
        self.occupied.get(&token)
    }

    /// The slot of a visitor.
    pub(super) fn of(&self, visitor: VisitorId) -> Option<&Slot> {
        self.occupied.get(self.tokens.get(&visitor)?)
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.occupied.len()
    }
}
