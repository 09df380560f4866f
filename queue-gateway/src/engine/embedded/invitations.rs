//! Invitations that have been used, until they expire.

use std::collections::{BTreeSet, HashSet};

use crate::{
    engine::MOST_SWEPT,
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
        for _ in 0..MOST_SWEPT {
            let Some((_, id)) = self.by_expiry.first().copied().filter(|(expires_at, _)| *expires_at <= now) else {
                break;
            };
            self.by_expiry.pop_first();
            self.used.remove(&id);
        }
    }
}
