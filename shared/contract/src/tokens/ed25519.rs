//! Tokens that others than their signer read: claims under an Ed25519 key whose public half is published as a key set.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, jwk::Jwk};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    TokenError, decode, header_of, install_crypto,
    jwks::{self, JwkSet, KeyError},
    timeless,
};

/// What a token of one kind says, besides issuer and audience.
pub trait Ed25519Claims: Serialize + DeserializeOwned {
    /// The header's `typ`. It tells tokens of different kinds apart even where they share a key.
    const KIND: &'static str;

    /// From this instant on the token is refused.
    fn expires_at(&self) -> Timestamp;
}

/// The claims as they travel.
#[derive(Serialize)]
struct Signed<'a, C> {
    #[serde(rename = "iss")]
    issuer: &'a str,
    #[serde(rename = "aud")]
    audience: &'a str,
    #[serde(flatten)]
    claims: &'a C,
}

/// Mints tokens of one kind.
pub struct Ed25519Signer<C> {
    key: EncodingKey,
    /// By their names.
    published: Vec<Jwk>,
    header: Header,
    issuer: String,
    audience: String,
    claims: PhantomData<fn() -> C>,
}

impl<C> Ed25519Signer<C> {
    /// A fresh key for [`from_pem`](Self::from_pem): for a first start, and for tests.
    pub fn generate_pem() -> SecretString {
        jwks::generate_pem()
    }

    /// The public keys, for `/.well-known/jwks.json`.
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.published.clone() }
    }

    /// Publishes these keys too, in PKCS#8 PEM: those of before a change of the key, and of instances that have changed
    /// it already.
    pub fn publishing<'p>(mut self, further: impl IntoIterator<Item = &'p SecretString>) -> Result<Self, KeyError> {
        for pem in further {
            let (_, public, _) = jwks::read_pem(pem)?;
            if !self.published.contains(&public) {
                self.published.push(public);
            }
        }
        // The same set from every instance, whichever of the keys it signs with.
        self.published.sort_by(|one, other| one.common.key_id.cmp(&other.common.key_id));
        Ok(self)
    }
}

impl<C: Ed25519Claims> Ed25519Signer<C> {
    /// A signer for an Ed25519 private key in PKCS#8 PEM.
    pub fn from_pem(
        pem: &SecretString,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Self, KeyError> {
        install_crypto();
        let (key, public, kid) = jwks::read_pem(pem)?;
        let header = Header { typ: Some(C::KIND.to_owned()), kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        let (published, issuer, audience) = (vec![public], issuer.into(), audience.into());
        Ok(Self { key, published, header, issuer, audience, claims: PhantomData })
    }

    /// A signed token with these claims.
    ///
    /// # Panics
    /// When the claims have no JSON form, such as a map whose keys are not text.
    #[expect(
        clippy::expect_used,
        reason = "the key was read when the signer was made, and claims without a JSON form are a mistake"
    )]
    pub fn mint(&self, claims: &C) -> String {
        let signed = Signed { issuer: &self.issuer, audience: &self.audience, claims };
        jsonwebtoken::encode(&self.header, &signed, &self.key).expect("claims have a JSON form")
    }

    /// A verifier of tokens under the keys that this signer publishes.
    pub fn verifier(&self) -> Ed25519Verifier<C> {
        Ed25519Verifier::from_jwks(&self.jwks(), &self.issuer, &self.audience)
    }
}

impl<C: Ed25519Claims> fmt::Debug for Ed25519Signer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.header.kid;
        f.debug_struct("Ed25519Signer").field("kind", &C::KIND).field("key", key).finish_non_exhaustive()
    }
}

/// Verifies tokens of one kind offline. A set of several keys is how keys are changed without a restart.
pub struct Ed25519Verifier<C> {
    keys: BTreeMap<String, DecodingKey>,
    validation: Validation,
    claims: PhantomData<fn() -> C>,
}

impl<C> Ed25519Verifier<C> {
    /// A verifier for a published key set. Keys that are not Ed25519 or have no `kid` are passed over.
    pub fn from_jwks(set: &JwkSet, issuer: &str, audience: &str) -> Self {
        install_crypto();
        let mut validation = timeless(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        Self { keys: jwks::verifying_keys(set).collect(), validation, claims: PhantomData }
    }
}

impl<C: Ed25519Claims> Ed25519Verifier<C> {
    /// The claims of a token of this kind that the issuer signed for us and that has not expired at `now`.
    ///
    /// A caller that gets [`TokenError::UnknownKey`] fetches the set again, not more often than it can afford: anybody
    /// can invent a `kid`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        let header = header_of(token, C::KIND)?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenError::BadSignature);
        }
        let key = header.kid.and_then(|kid| self.keys.get(&kid)).ok_or(TokenError::UnknownKey)?;
        let claims: C = decode(token, key, &self.validation)?;
        if now < claims.expires_at() { Ok(claims) } else { Err(TokenError::Expired) }
    }
}

impl<C> Clone for Ed25519Verifier<C> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), validation: self.validation.clone(), claims: PhantomData }
    }
}

impl<C: Ed25519Claims> fmt::Debug for Ed25519Verifier<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.keys();
        f.debug_struct("Ed25519Verifier").field("kind", &C::KIND).field("keys", &keys).finish_non_exhaustive()
    }
}
