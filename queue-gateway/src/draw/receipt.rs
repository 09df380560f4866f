//! The receipt of a number in a draw: signed with the gateways' published key, for its owner to check the draw by.

use contract::{
    ids::QueueName,
    tokens::{Ed25519Claims, Ed25519Signer, Ed25519Verifier},
};
use jiff::{Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize};

/// The `aud` of receipts: whoever checks a draw.
pub const AUDIENCE: &str = "draw";

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptClaims {
    /// Of the draw.
    pub queue: QueueName,
    /// The queue's epoch (microseconds).
    pub epoch: i64,
    /// The visitor's number, from 1 on.
    pub number: u64,
    /// The SHA-256 of the secret, in hexadecimal digits, as it was published when the receipt was made.
    pub commitment: String,
    /// Where the beacon was to come from then.
    pub beacon_source: Option<String>,
    /// When the queue was to open then.
    pub opens_at: Option<Timestamp>,
    /// When the receipt was made (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// Ten years later.
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

impl Ed25519Claims for ReceiptClaims {
    const KIND: &'static str = "draw-receipt+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Mints receipts.
pub type ReceiptSigner = Ed25519Signer<ReceiptClaims>;

/// Verifies receipts.
pub type ReceiptVerifier = Ed25519Verifier<ReceiptClaims>;
