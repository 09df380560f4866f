//! Tokens that only those who sign them read: plain claims under a keyed hash (HS256, RFC 7515 and RFC 7518, 3.2).
//!
//! Crowds bring and take them, so what is the same in all of them is made once: the header's text and the key schedule.

use std::{fmt, marker::PhantomData};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};

use super::{MAX_TOKEN_BYTES, TokenError, header_of};

/// Room for the claims of any of our tokens, without growing on the way.
const CLAIMS_BYTES: usize = 256;

/// What a token of one kind says. Plain text and numbers: anything that has a JSON form.
pub trait KeyedClaims: Serialize + DeserializeOwned {
    /// The header's `typ`: a media type's name, plain ASCII. It tells tokens of different kinds apart even where they
    /// share a secret.
    const KIND: &'static str;

    /// From this instant on the token is refused.
    fn expires_at(&self) -> Timestamp;
}

/// Mints and verifies tokens of one kind. The instances of a service share the secret.
pub struct KeyedSigner<C> {
    key: hmac::Key,
    /// Of tokens that are taken, and not minted.
    further: Vec<hmac::Key>,
    /// As every token of the kind begins, with the dot.
    header: String,
    claims: PhantomData<fn() -> C>,
}

impl<C: KeyedClaims> KeyedSigner<C> {
    /// A signer for the given secret, which should have [`MIN_SECRET_BYTES`](super::MIN_SECRET_BYTES).
    pub fn new(secret: &SecretString) -> Self {
        // As text: with another order of its fields all tokens that are out would be refused.
        let header = format!(r#"{{"typ":"{}","alg":"HS256"}}"#, C::KIND);
        Self {
            key: key_of(secret),
            further: Vec::new(),
            header: URL_SAFE_NO_PAD.encode(header) + ".",
            claims: PhantomData,
        }
    }

    /// Takes tokens under these secrets too: those of before a change of the secret, and of instances that have changed
    /// it already.
    #[must_use]
    pub fn accepting<'s>(mut self, further: impl IntoIterator<Item = &'s SecretString>) -> Self {
        self.further = further.into_iter().map(key_of).collect();
        self
    }

    /// A signed token with these claims.
    ///
    /// # Panics
    /// When the claims have no JSON form, such as a map whose keys are not text.
    #[expect(clippy::expect_used, reason = "claims without a JSON form are a mistake")]
    pub fn mint(&self, claims: &C) -> String {
        let mut json = Vec::with_capacity(CLAIMS_BYTES);
        serde_json::to_writer(&mut json, claims).expect("claims have a JSON form");
        let mut token = String::with_capacity(self.header.len() + 2 * CLAIMS_BYTES);
        token.push_str(&self.header);
        URL_SAFE_NO_PAD.encode_string(json, &mut token);
        let signature = hmac::sign(&self.key, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    /// The claims of a token of this kind that we signed and that has not expired at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let Some(rest) = token.strip_prefix(&self.header) else {
            // We sign no other header, so nothing of it need be believed to say what is wrong.
            header_of(token, C::KIND)?;
            return Err(TokenError::BadSignature);
        };
        let (claims, signature) = rest.split_once('.').ok_or(TokenError::Malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
        let signed = &token.as_bytes()[..self.header.len() + claims.len()];
        let mut keys = std::iter::once(&self.key).chain(&self.further);
        if !keys.any(|key| hmac::verify(key, signed, &signature).is_ok()) {
            return Err(TokenError::BadSignature);
        }
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| TokenError::Malformed)?;
        let claims: C = serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)?;
        if now < claims.expires_at() { Ok(claims) } else { Err(TokenError::Expired) }
    }
}

fn key_of(secret: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

impl<C: KeyedClaims> fmt::Debug for KeyedSigner<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedSigner").field("kind", &C::KIND).finish_non_exhaustive()
    }
}
