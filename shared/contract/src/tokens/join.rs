//! The join token: a site's word to the gateway on which of its members wants a place in a queue.

use std::time::Duration;

use jiff::{Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize};

use super::ed25519::{Ed25519Claims, Ed25519Signer, Ed25519Verifier};
use crate::ids::{MemberId, QueueName};

/// What a join token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinClaims {
    /// The queue to join. The token is good for no other.
    pub queue: QueueName,
    /// Whose the place will be.
    #[serde(rename = "sub")]
    pub member: MemberId,
    /// When the site signed it (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From this instant on the token is refused (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

impl JoinClaims {
    /// Time to get from the site to the gateway. Short, because a token that was copied joins as well as the original.
    pub const LIFE: Duration = Duration::from_mins(2);

    /// The claims of a token that is signed now.
    pub fn new(queue: QueueName, member: MemberId, now: Timestamp) -> Self {
        let expires_at = now.checked_add(Self::LIFE).unwrap_or(Timestamp::MAX);
        Self { queue, member, issued_at: now, expires_at }
    }
}

impl Ed25519Claims for JoinClaims {
    const KIND: &'static str = "join+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Mints join tokens.
pub type JoinSigner = Ed25519Signer<JoinClaims>;

/// Verifies join tokens.
pub type JoinVerifier = Ed25519Verifier<JoinClaims>;
