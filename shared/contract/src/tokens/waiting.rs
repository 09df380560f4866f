//! The waiting token: a place in a line, signed by the gateways for themselves.

use std::fmt;

use jiff::{Timestamp, fmt::serde::timestamp::second};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{TokenError, decode, header_of, install_crypto, timeless};
use crate::ids::{QueueName, VisitorId};

const KIND: &str = "waiting+jwt";

/// What a waiting token says. With the queue's epoch and the sequence under our signature,
/// a line can be put back in its old order after the store has lost it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingClaims {
    /// The line that the place is in.
    pub queue: QueueName,
    /// Whose place it is.
    #[serde(rename = "sub")]
    pub visitor: VisitorId,
    /// When the queue's state was created in its store (microseconds); sequences of different epochs do not compare.
    pub epoch: i64,
    /// The place: the number that the store issued within the epoch.
    pub seq: i64,
    /// When the token was minted (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From this instant on the token is refused (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

/// Mints and verifies waiting tokens. Gateways of one system share the secret.
pub struct WaitingSigner {
    signing: EncodingKey,
    verifying: DecodingKey,
    header: Header,
    validation: Validation,
}

impl WaitingSigner {
    /// The shortest secret that settings should accept: as long as the hash, which RFC 7518, 3.2 demands.
    pub const MIN_SECRET_BYTES: usize = 32;

    /// A signer for the given secret.
    pub fn new(secret: &SecretString) -> Self {
        install_crypto();
        let secret = secret.expose_secret().as_bytes();
        Self {
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            header: Header { typ: Some(KIND.to_owned()), ..Header::new(Algorithm::HS256) },
            validation: timeless(Algorithm::HS256),
        }
    }

    /// A signed token with these claims.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "a keyed hash takes any input, and the claims are plain text and numbers"
    )]
    pub fn mint(&self, claims: &WaitingClaims) -> String {
        jsonwebtoken::encode(&self.header, claims, &self.signing).expect("HS256 over plain claims cannot fail")
    }

    /// The claims of a token that we signed and that has not expired at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<WaitingClaims, TokenError> {
        header_of(token, KIND)?;
        let claims: WaitingClaims = decode(token, &self.verifying, &self.validation)?;
        if now < claims.expires_at { Ok(claims) } else { Err(TokenError::Expired) }
    }
}

impl fmt::Debug for WaitingSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingSigner").finish_non_exhaustive()
    }
}
