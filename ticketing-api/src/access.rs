//! Access to the sale: without a live active token, bound to this member, nothing is held, reserved or paid.
//!
//! [`Admitted`] is the proof of having passed. It is made here alone, and [`crate::sales`] asks for it: a route that
//! forgot to check would not compile. Two things are left to the store's transactions, which see them without a race:
//! that the token's queue guards the concert at hand, and that the token has not ended in the meantime: by a payment,
//! or because its holder left.

use std::{sync::Arc, time::Duration};

use contract::{
    calls::ArriveReply,
    clock::SharedClock,
    ids::{ActiveTokenId, MemberId, QueueName},
    tokens::ActiveClaims,
};
use jiff::Timestamp;
use moka::future::Cache;
use service::outage::Outage;

use crate::{
    booking::leaving::{NewLeave, TokenEnd},
    gateway::{ActiveTokenError, ActiveTokenVerifier, Arrival, Claim, GatewayClient, GatewayUnavailable},
    metrics::GatewayMetrics,
    store::{GrantedClaim, StoreError, TicketStore, TokenClaim, TokenState},
};

/// Claims remembered in this process: within a rush, most requests are repeated attempts by the same few.
const REMEMBERED_CLAIMS: u64 = 100_000;
/// How long one is believed unseen. So long can a request with a token that ended through another instance still be
/// refused for a lesser reason, such as taken seats; the store's transactions let none succeed.
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

/// A live active token that whoever asks may give back, unless the store knows of another holder.
#[derive(Clone, Debug)]
pub struct Leaving {
    token: ActiveTokenId,
    queue: QueueName,
    member: Option<MemberId>,
    expires_at: Timestamp,
}

impl Leaving {
    /// The step that gives it back.
    pub fn at(&self, now: Timestamp) -> NewLeave {
        let Self { token, ref queue, member, expires_at } = *self;
        NewLeave { token, queue: queue.clone(), member, expires_at, now }
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
    /// The turn was given back.
    #[error("the turn of the active token was given back")]
    Left,
    /// Another member used it first.
    #[error("the active token is held by another member")]
    HeldByAnother,
    /// The token is a member's, and nobody is logged in.
    #[error("the active token belongs to a member")]
    NotLoggedIn,
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
    repeat_claims_after: Duration,
    clock: SharedClock,
    holders: Cache<ActiveTokenId, MemberId>,
    claiming: Outage,
    reporting: Outage,
    metrics: GatewayMetrics,
}

/// What access is made of.
#[derive(Debug)]
pub struct AccessParts {
    /// Verifies active tokens.
    pub verifier: Arc<ActiveTokenVerifier>,
    /// Grants claims.
    pub gateway: Arc<GatewayClient>,
    /// Remembers them.
    pub store: Arc<dyn TicketStore>,
    /// So long after a claim the gateway is told of it again.
    pub repeat_claims_after: Duration,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: GatewayMetrics,
}

impl Access {
    /// Access by these parts.
    pub fn new(parts: AccessParts) -> Self {
        let AccessParts { verifier, gateway, store, repeat_claims_after, clock, metrics } = parts;
        let holders = Cache::builder().max_capacity(REMEMBERED_CLAIMS).time_to_live(REMEMBERED_FOR).build();
        let claiming = Outage::new(
            "active tokens cannot be claimed: newcomers are told to come back until they can",
            "active tokens can be claimed again",
        );
        let reporting = Outage::new(
            "arrivals cannot be reported to the gateway: turns may pass while their visitors are here",
            "arrivals are reported to the gateway again",
        );
        Self { verifier, gateway, store, repeat_claims_after, clock, holders, claiming, reporting, metrics }
    }

    /// Lets a member pass with their token. The first use claims the token at the gateway, which decides between two
    /// members who come at once; what it granted is remembered, so that its holder goes on when the gateway is down.
    pub async fn admit(&self, token: &str, member: MemberId) -> Result<Admitted, AccessError> {
        let claims = self.verifier.verify(token).await?;
        if claims.member.is_some_and(|owner| owner != member) {
            return Err(AccessError::HeldByAnother);
        }
        if let Some(holder) = self.holders.get(&claims.id).await {
            return if holder == member { Ok(admitted(&claims, member)) } else { Err(AccessError::HeldByAnother) };
        }
        match self.store.token_state(claims.id).await? {
            TokenState::Ended(end) => Err(end.into()),
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

    /// As [`admit`](Self::admit), for somebody who logs in. Nothing depends on it: whatever is wrong with the token is
    /// said when it is used.
    pub async fn claim_at_log_in(&self, token: &str, member: MemberId) {
        let claimed = self.admit(token, member).await;
        self.metrics.log_in_claim(match &claimed {
            Ok(_) => "claimed",
            Err(
                AccessError::Gateway(_) | AccessError::Store(_) | AccessError::Token(ActiveTokenError::KeysUnavailable),
            ) => "unavailable",
            Err(_) => "refused",
        });
        if let Err(error) = claimed {
            tracing::debug!(%error, member.id = %member, "the active token of a log-in was not claimed");
        }
    }

    /// The visitor with this token is here: the gateway waits longer for the claim.
    pub async fn arrive(&self, token: &str) -> Result<ArriveReply, AccessError> {
        let claims = self.verifier.verify(token).await?;
        let arrival = self.gateway.arrive(claims.id, token).await;
        self.metrics.arrival(match arrival {
            Ok(Arrival::Counted(_)) => "counted",
            Ok(Arrival::Gone) => "gone",
            Err(_) => "unavailable",
        });
        self.reporting.note(&arrival);
        match arrival? {
            Arrival::Counted(reply) => Ok(reply),
            // The gateway knows that it is over, and this service perhaps why.
            Arrival::Gone => Err(match self.store.token_state(claims.id).await {
                Ok(TokenState::Ended(end)) => end.into(),
                _ => AccessError::Gone,
            }),
        }
    }

    /// As [`arrive`](Self::arrive), where nothing depends on it.
    pub async fn report_arrival(&self, token: &str) {
        if let Err(error) = self.arrive(token).await {
            tracing::debug!(%error, "a sign of life was not counted");
        }
    }

    /// Lets somebody give their turn back.
    pub async fn leave(&self, token: &str, member: Option<MemberId>) -> Result<Leaving, AccessError> {
        let claims = self.verifier.verify(token).await?;
        match (claims.member, member) {
            (Some(_), None) => return Err(AccessError::NotLoggedIn),
            (Some(owner), Some(member)) if owner != member => return Err(AccessError::HeldByAnother),
            _ => {}
        }
        Ok(Leaving { token: claims.id, queue: claims.queue.clone(), member, expires_at: claims.expires_at })
    }

    /// Lets an operator end a token that a member has claimed. `None` for one that nobody has; one that has ended
    /// before is ended once more, which changes nothing.
    pub async fn revoke(&self, token: ActiveTokenId) -> Result<Option<Result<Leaving, TokenEnd>>, AccessError> {
        Ok(match self.store.token_state(token).await? {
            TokenState::Unclaimed => None,
            TokenState::Ended(end) => Some(Err(end)),
            TokenState::Claimed(TokenClaim { token, queue, holder, expires_at }) => {
                Some(Ok(Leaving { token, queue, member: Some(holder), expires_at }))
            }
        })
    }

    /// The token may have ended: nothing that this process remembers of it holds any more.
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
        self.claiming.note(&claimed);
        match claimed? {
            Claim::HeldByAnother => Err(AccessError::HeldByAnother),
            Claim::Gone => Err(AccessError::Gone),
            Claim::Granted { expires_at } => {
                let claim = TokenClaim { token: claims.id, queue: claims.queue.clone(), holder: member, expires_at };
                let repeat_at = self.clock.now().checked_add(self.repeat_claims_after).unwrap_or(Timestamp::MAX);
                self.store.record_claim(GrantedClaim { claim, active_token: token.into(), repeat_at }).await?;
                self.holders.insert(claims.id, member).await;
                Ok(admitted(claims, member))
            }
        }
    }
}

impl From<TokenEnd> for AccessError {
    fn from(end: TokenEnd) -> Self {
        match end {
            TokenEnd::Paid => Self::Consumed,
            TokenEnd::Left => Self::Left,
        }
    }
}

fn admitted(claims: &ActiveClaims, member: MemberId) -> Admitted {
    Admitted { token: claims.id, queue: claims.queue.clone(), member }
}
