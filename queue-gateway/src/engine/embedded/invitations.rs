//! Invitations that have been used, until a while after they expire.

use std::collections::{BTreeSet, HashSet};

use crate::{
    engine::{MOST_SWEPT, USED_OUTLIVES},
    line::{Invitation, InvitationId},
};

/// As many as were signed at most: nobody else makes one up.
#[derive(Debug, Default)]
pub(super) struct UsedInvitations {
    used: HashSet<InvitationId>,
    by_expiry: BTreeSet<(i64, InvitationId)>,
}

impl UsedInvitations {
    pub(super) fn contains(&self, id: InvitationId) -> bool {
        self.used.contains(&id)
    }

    pub(super) fn note(&mut self, invitation: Invitation) {
        if self.used.insert(invitation.id) {
            self.by_expiry.insert((invitation.expires_at.as_microsecond(), invitation.id));
        }
    }

    /// Forgets some of those that give no place any more.
    pub(super) fn sweep(&mut self, now: i64) {
        let outlives = i64::try_from(USED_OUTLIVES.as_micros()).unwrap_or(i64::MAX);
        for _ in 0..MOST_SWEPT {
            let is_over = |(expires_at, _): &(i64, _)| expires_at.saturating_add(outlives) <= now;
            let Some((_, id)) = self.by_expiry.first().copied().filter(is_over) else { break };
            self.by_expiry.pop_first();
            self.used.remove(&id);
        }
    }
}
