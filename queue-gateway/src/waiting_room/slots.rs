//! What services and operators do with slots. Nothing of it is confirmed before this gateway remembers it.

use contract::ids::{ActiveTokenId, MemberId};

use super::{Queue, WaitingRoom};
use crate::{
    engine::EngineError,
    follower::Stale,
    line::{Claim, Readmission, Revocation},
};

impl WaitingRoom {
    /// As [`QueueEngine::claim`](crate::engine::QueueEngine::claim).
    pub async fn claim(
        &self,
        queue: &Queue,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
    ) -> Result<Claim, EngineError> {
        let claim = self.engine.claim(&queue.name, token, holder, readmission).await?;
        if matches!(claim, Claim::Bound { .. }) {
            queue.remember().await?;
        }
        Ok(claim)
    }

    /// As [`QueueEngine::release`](crate::engine::QueueEngine::release).
    pub async fn release(&self, queue: &Queue, token: ActiveTokenId) -> Result<bool, EngineError> {
        let was_live = self.engine.release(&queue.name, token).await?;
        remember_end(queue, was_live).await?;
        Ok(was_live)
    }

    /// As [`QueueEngine::revoke`](crate::engine::QueueEngine::revoke).
    pub async fn revoke(&self, queue: &Queue, token: ActiveTokenId) -> Result<Revocation, EngineError> {
        let revocation = self.engine.revoke(&queue.name, token).await?;
        remember_end(queue, revocation == Revocation::Ended).await?;
        Ok(revocation)
    }
}

/// A slot that has ended before may have done so by this very call, which was told that it is not remembered. It ends no
/// rest: of a slot by its id alone each queue is asked.
async fn remember_end(queue: &Queue, has_just_ended: bool) -> Result<(), EngineError> {
    if has_just_ended {
        return queue.remember().await;
    }
    let read = queue.readings.fresh().await;
    read.map_err(|Stale| EngineError::Unavailable("the end of a slot cannot be read back".to_owned()))
}
