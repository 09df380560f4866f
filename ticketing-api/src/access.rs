//! Access to the sale: without a live active token, bound to this member, nothing is held, reserved or paid.
//!
//! [`Admitted`] is the proof of having passed. It is made here alone, and [`crate::sales`] asks for it: a route that
//! forgot to check would not compile. Two things are left to the store's transactions, which see them without a race:
//! that the token's queue guards the concert at hand, and that no payment has consumed the token in the meantime.

use std::{sync::Arc, time::Duration};

use contract::{
    ids::{ActiveTokenId, MemberId, QueueName},
    tokens::ActiveClaims,
};
use moka::future::Cache;
use service::outage::Outage;

use crate::{
    gateway::{ActiveTokenError, ActiveTokenVerifier, Claim, GatewayClient, GatewayUnavailable},
    metrics::GatewayMetrics,
    store::{StoreError, TicketStore, TokenClaim, TokenState},
};

/// Claims remembered in this process: within a rush, most requests are repeated attempts by the same few.
const REMEMBERED_CLAIMS: u64 = 100_000;
/// How long one is believed unseen. So long can a request with a token that was consumed through another instance
/// still be refused for a lesser reason, such as taken seats; the store's transactions let none succeed.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);

/// Proof that a member has been admitted by a queue: their active token is live and bound to them.
#[derive(Clone, Debug)]
pub struct Admitted {
    token: ActiveTokenId,
    queue: QueueName,
    member: MemberId,
}

impl Admitted {
    /// The slot.
    pub fn token(&self) -> ActiveTokenId {
        self.token
    }

    /// The queue that admitted the member.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// The member.
    pub fn member(&self) -> MemberId {
        self.member
    }
}

/// Why somebody does not pass.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The token itself is refused.
    #[error(transparent)]
    Token(#[from] ActiveTokenError),
    /// A payment was completed with it.
    #[error("the active token has been used for a payment")]
    Consumed,
    /// Another member used it first.
    #[error("the active token is held by another member")]
    HeldByAnother,
    /// Its slot was released, or was not claimed in time.
    #[error("the slot of the active token is gone")]
    Gone,
    /// The claim could not be made.
    #[error(transparent)]
    Gateway(#[from] GatewayUnavailable),
    /// What is known of the token could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks active tokens.
#[derive(Debug)]
pub struct Access {
    verifier: Arc<ActiveTokenVerifier>,
    gateway: Arc<GatewayClient>,
    store: Arc<dyn TicketStore>,
    holders: Cache<ActiveTokenId, MemberId>,
    outage: Outage,
    metrics: GatewayMetrics,
}

impl Access {
    /// Remembers claims in the store.
    pub fn new(
        verifier: Arc<ActiveTokenVerifier>,
        gateway: Arc<GatewayClient>,
        store: Arc<dyn TicketStore>,
        metrics: GatewayMetrics,
    ) -> Self {
        let holders = Cache::builder().max_capacity(REMEMBERED_CLAIMS).time_to_live(REMEMBERED_FOR).build();
        let outage = Outage::new(
            "active tokens cannot be claimed: newcomers are told to come back until they can",
            "active tokens can be claimed again",
        );
        Self { verifier, gateway, store, holders, outage, metrics }
    }

    /// Lets a member pass with their token. The first use claims the token at the gateway, which decides between two
    /// members who come at once; what it granted is remembered, so that its holder goes on when the gateway is down.
    pub async fn admit(&self, token: &str, member: MemberId) -> Result<Admitted, AccessError> {
        let claims = self.verifier.verify(token).await?;
        if let Some(holder) = self.holders.get(&claims.id).await {
            return if holder == member { Ok(admitted(&claims, member)) } else { Err(AccessError::HeldByAnother) };
        }
        match self.store.token_state(claims.id).await? {
            TokenState::Consumed => Err(AccessError::Consumed),
            TokenState::Claimed(claim) if claim.holder != member => Err(AccessError::HeldByAnother),
            TokenState::Claimed(_) => {
                self.holders.insert(claims.id, member).await;
                Ok(admitted(&claims, member))
            }
            TokenState::Unclaimed => self.claim(&claims, token, member).await,
        }
    }

    /// As [`admit`](Self::admit), but a consumed token passes: its payment may be the very one that is being repeated
    /// under its idempotency key because the reply was lost. The payment's transaction looks for the key first, and
    /// refuses the token then.
    pub async fn admit_to_pay(&self, token: &str, member: MemberId) -> Result<Admitted, AccessError> {
        match self.admit(token, member).await {
            Err(AccessError::Consumed) => Ok(admitted(&*self.verifier.verify(token).await?, member)),
            other => other,
        }
    }

    /// A payment was completed with this token: nothing that this process remembers of it holds any more.
    pub async fn forget(&self, token: ActiveTokenId) {
        self.holders.invalidate(&token).await;
    }

    async fn claim(&self, claims: &ActiveClaims, token: &str, member: MemberId) -> Result<Admitted, AccessError> {
        let claimed = self.gateway.claim(claims.id, member, token).await;
        self.metrics.claim(match claimed {
            Ok(Claim::Granted { .. }) => "granted",
            Ok(Claim::HeldByAnother) => "held_by_another",
            Ok(Claim::Gone) => "gone",
            Err(_) => "unavailable",
        });
        self.outage.note(&claimed);
        match claimed? {
            Claim::HeldByAnother => Err(AccessError::HeldByAnother),
            Claim::Gone => Err(AccessError::Gone),
            Claim::Granted { expires_at } => {
                let queue = claims.queue.clone();
                self.store.record_claim(TokenClaim { token: claims.id, queue, holder: member, expires_at }).await?;
                self.holders.insert(claims.id, member).await;
                Ok(admitted(claims, member))
            }
        }
    }
}

fn admitted(claims: &ActiveClaims, member: MemberId) -> Admitted {
    Admitted { token: claims.id, queue: claims.queue.clone(), member }
}
