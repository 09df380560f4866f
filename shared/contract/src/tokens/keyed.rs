//! Tokens that only those who sign them read: plain claims under a keyed hash (HS256).

use std::{fmt, marker::PhantomData};

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};

use super::{TokenError, decode, header_of, install_crypto, timeless};

/// What a token of one kind says. Plain text and numbers: anything that has a JSON form.
pub trait KeyedClaims: Serialize + DeserializeOwned {
    /// The header's `typ`. It tells tokens of different kinds apart even where they share a secret.
    const KIND: &'static str;

    /// From this instant on the token is refused.
    fn expires_at(&self) -> Timestamp;
}

/// Mints and verifies tokens of one kind. The instances of a service share the secret.
pub struct KeyedSigner<C> {
    signing: EncodingKey,
    verifying: DecodingKey,
    header: Header,
    validation: Validation,
    claims: PhantomData<fn() -> C>,
}

impl<C: KeyedClaims> KeyedSigner<C> {
    /// A signer for the given secret, which should have [`MIN_SECRET_BYTES`](super::MIN_SECRET_BYTES).
    pub fn new(secret: &SecretString) -> Self {
        install_crypto();
        let secret = secret.expose_secret().as_bytes();
        Self {
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            header: Header { typ: Some(C::KIND.to_owned()), ..Header::new(Algorithm::HS256) },
            validation: timeless(Algorithm::HS256),
            claims: PhantomData,
        }
    }

    /// A signed token with these claims.
    ///
    /// # Panics
    /// When the claims have no JSON form, such as a map whose keys are not text.
    #[expect(
        clippy::expect_used,
        reason = "a keyed hash takes any input, and claims without a JSON form are a mistake"
    )]
    pub fn mint(&self, claims: &C) -> String {
        jsonwebtoken::encode(&self.header, claims, &self.signing).expect("claims have a JSON form")
    }

    /// The claims of a token of this kind that we signed and that has not expired at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        header_of(token, C::KIND)?;
        let claims: C = decode(token, &self.verifying, &self.validation)?;
        if now < claims.expires_at() { Ok(claims) } else { Err(TokenError::Expired) }
    }
}

impl<C: KeyedClaims> fmt::Debug for KeyedSigner<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedSigner").field("kind", &C::KIND).finish_non_exhaustive()
    }
}
