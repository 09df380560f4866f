//! Tells the gateway again who has claimed which slot: its store may have forgotten it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contract::clock::SharedClock;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use service::outage::Outage;

use super::Job;
use crate::{
    gateway::{Claim, GatewayClient},
    metrics::JobMetrics,
    store::{RepeatedClaim, StoreError, TicketStore, TokenState},
};

/// Claims taken at a time.
const BATCH: u32 = 200;
/// Calls under way at once.
const CONCURRENT: usize = 16;

/// The repeater. A claim that it has taken and not told, since the gateway or this process died, comes with the next
/// turn.
#[derive(Debug)]
pub struct ClaimRepeater {
    /// Where the claims are.
    pub store: Arc<dyn TicketStore>,
    /// Whom they are told.
    pub gateway: Arc<GatewayClient>,
    /// Between two times that the gateway is told of one claim.
    pub after: Duration,
    /// Of these calls.
    pub outage: Outage,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: JobMetrics,
}

#[async_trait]
impl Job for ClaimRepeater {
    const NAME: &str = "claims";
    type Error = StoreError;

    async fn run(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let repeat_at = now.checked_add(self.after).unwrap_or(Timestamp::MAX);
        let due = self.store.claims_to_repeat(now, repeat_at, BATCH).await?;
        let count = due.len();
        let told: Vec<_> =
            stream::iter(due).map(|claim| self.repeat(claim)).buffer_unordered(CONCURRENT).collect().await;
        let told: Vec<bool> = told.into_iter().collect::<Result<_, _>>()?;
        // With the gateway down the next batch would fail as well: let the interval pass.
        Ok(count >= BATCH as usize && told.contains(&true))
    }
}

impl ClaimRepeater {
    /// What the log says when the gateway cannot be told.
    pub fn outage() -> Outage {
        Outage::new("claims are not told to the gateway again: trying on", "claims are told to the gateway again")
    }

    /// Whether the gateway has answered. Whatever it says changes nothing here: what was granted stands.
    async fn repeat(&self, claim: RepeatedClaim) -> Result<bool, StoreError> {
        let RepeatedClaim { token, queue, holder, active_token } = claim;
        let mut claimed = self.gateway.claim(token, holder, active_token.expose_secret()).await;
        // A token that has ended meanwhile may have been released before this claim came, which took its slot in again.
        if matches!(claimed, Ok(Claim::Granted { .. }))
            && let TokenState::Ended(_) = self.store.token_state(token).await?
            && let Err(error) = self.gateway.release(token, queue).await
        {
            claimed = Err(error);
        }
        self.outage.note(&claimed);
        self.metrics.repeated_claim(match &claimed {
            Ok(Claim::Granted { .. }) => "granted",
            Ok(Claim::HeldByAnother) => "held_by_another",
            Ok(Claim::Gone) => "gone",
            Err(_) => "unavailable",
        });
        Ok(claimed.is_ok())
    }
}
