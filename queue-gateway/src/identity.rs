//! A visitor's identity: given before the first place, so that a join whose reply was lost, and two tabs that join at
//! once, stay one visitor's.

use contract::{
    ids::VisitorId,
    tokens::{KeyedClaims, KeyedSigner},
};
use jiff::{Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize};

/// Mints and verifies identities. Gateways of one system share the secret.
pub type IdentitySigner = KeyedSigner<IdentityClaims>;

/// Who a browser is, for all queues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityClaims {
    /// Whom the browser is known as.
    #[serde(rename = "sub")]
    pub visitor: VisitorId,
    /// When the identity was given (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From this instant on it is not believed (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

impl KeyedClaims for IdentityClaims {
    const KIND: &'static str = "visitor+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}
