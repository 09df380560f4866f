//! The active token: admission to the shop, signed by the gateway, verified by anybody with its key set.

use jiff::{Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize};

use super::ed25519::{Ed25519Claims, Ed25519Signer, Ed25519Verifier};
use crate::ids::{ActiveTokenId, MemberId, QueueName, VisitorId};

/// What an active token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveClaims {
    /// The slot among the queue's active users.
    #[serde(rename = "jti")]
    pub id: ActiveTokenId,
    /// The queue that admitted the visitor.
    pub queue: QueueName,
    /// Who was admitted.
    #[serde(rename = "sub")]
    pub visitor: VisitorId,
    /// In a queue of members, the one whose place it was: nobody else may use the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberId>,
    /// The queue's epoch at the admission (microseconds).
    pub epoch: i64,
    /// When the visitor was admitted (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From this instant on the token is refused (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

impl Ed25519Claims for ActiveClaims {
    const KIND: &'static str = "active+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Mints active tokens.
pub type ActiveSigner = Ed25519Signer<ActiveClaims>;

/// Verifies active tokens.
pub type ActiveVerifier = Ed25519Verifier<ActiveClaims>;
