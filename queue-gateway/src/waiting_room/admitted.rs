//! What admitted visitors do: enter, prove a turn, arrive.

use contract::tokens::ActiveClaims;
use jiff::Timestamp;

use super::{Held, Queue, Refusal, WaitingRoom};
use crate::{
    follower::Stale,
    line::{Admission, Epoch, LiveSlot, Lost, Standing},
};

/// Where somebody goes who wants to enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// To the site, with this slot.
    Open {
        /// The epoch of the admission.
        epoch: Epoch,
        /// The slot, whose visitor has arrived.
        admission: Admission,
    },
    /// To the waiting room.
    Closed,
}

/// Until when an admitted visitor who has arrived may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// The site has to claim the slot by then.
    pub claim_before: Timestamp,
    /// The slot ends at the latest.
    pub expires_at: Timestamp,
}

impl WaitingRoom {
    /// Records the arrival of an admitted visitor.
    pub async fn enter(&self, queue: &Queue, held: Held) -> Result<Entrance, Refusal> {
        self.departed.check(held.holder.visitor).inspect_err(|_| queue.metrics.departed_refused.inc())?;
        let epoch = queue.follower.mirror.epoch().ok_or(Refusal::Unavailable)?;
        let Standing::Admitted { admission, .. } = self.engine.status(&queue.name, held.holder.visitor).await? else {
            return Ok(Entrance::Closed);
        };
        let Standing::Admitted { admission, .. } = self.engine.arrive(&queue.name, admission.token).await? else {
            return Ok(Entrance::Closed);
        };
        queue.remember().await?;
        Ok(Entrance::Open { epoch, admission })
    }

    /// Whether the slot of a valid active token is live. Being asked is a sign of life of its visitor.
    ///
    /// A page asks for each of its parts, so the log answers, which all who ask read at once. The store is told of the first,
    /// and again when half of the time for a claim is over; it alone knows whether the slot has just lapsed.
    pub async fn verify(&self, queue: &Queue, claims: &ActiveClaims) -> Result<bool, Refusal> {
        queue.readings.fresh().await.map_err(|Stale| Refusal::Unavailable)?;
        let mirror = &queue.follower.mirror;
        let Some(slot) = mirror.live_slot(claims.id, claims.visitor) else { return self.goes_on(queue, claims).await };
        let stats = queue.stats()?;
        let enough = i64::try_from(stats.control.baseline.lifetimes.claim.as_secs() / 2).unwrap_or(i64::MAX);
        if let LiveSlot::Unclaimed(told_at) = slot
            && stats.now.duration_since(told_at).as_secs() >= enough
        {
            let standing = self.engine.arrive(&queue.name, claims.id).await?;
            mirror.note_told(claims.id, stats.now);
            return Ok(matches!(standing, Standing::Admitted { .. }));
        }
        Ok(true)
    }

    /// Records that the visitor of a valid active token is at the site. `None` when the slot is not live.
    pub async fn arrive(&self, queue: &Queue, claims: &ActiveClaims) -> Result<Option<Deadlines>, Refusal> {
        match self.engine.arrive(&queue.name, claims.id).await? {
            Standing::Admitted { admission, .. } => {
                Ok(Some(Deadlines { claim_before: admission.claim_before, expires_at: admission.expires_at }))
            }
            Standing::Waiting { .. } | Standing::Absent { .. } => {
                let goes_on = self.goes_on(queue, claims).await?;
                Ok(goes_on.then_some(Deadlines { claim_before: claims.expires_at, expires_at: claims.expires_at }))
            }
        }
    }

    /// Whether somebody who was admitted in an older epoch goes on with the signed token: a store that lost its state knows
    /// nobody of before. A place in the line that they also hold does not speak against them; a turn that they have, or had
    /// here, does.
    async fn goes_on(&self, queue: &Queue, claims: &ActiveClaims) -> Result<bool, Refusal> {
        if queue.follower.mirror.epoch().is_none_or(|epoch| Epoch(claims.epoch) >= epoch) {
            return Ok(false);
        }
        Ok(match self.engine.status(&queue.name, claims.visitor).await? {
            Standing::Admitted { .. } => false,
            Standing::Waiting { .. } => true,
            Standing::Absent { lost } => !lost.is_some_and(Lost::was_a_turn),
        })
    }
}
