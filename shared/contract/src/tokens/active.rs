//! The active token: admission to the shop, signed by the gateway, verified by anybody with its key set.

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, fmt::serde::timestamp::second};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, jwk::Jwk};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    TokenError, decode, header_of, install_crypto,
    jwks::{self, JwkSet, KeyError},
    timeless,
};
use crate::ids::{ActiveTokenId, QueueName, VisitorId};

const KIND: &str = "active+jwt";

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
    /// The queue's epoch at the admission (microseconds).
    pub epoch: i64,
    /// When the visitor was admitted (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From this instant on the token is refused (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

/// The claims as they travel.
#[derive(Serialize)]
struct Signed<'a> {
    #[serde(rename = "iss")]
    issuer: &'a str,
    #[serde(rename = "aud")]
    audience: &'a str,
    #[serde(flatten)]
    claims: &'a ActiveClaims,
}

/// Mints active tokens.
pub struct ActiveSigner {
    key: EncodingKey,
    public: Jwk,
    header: Header,
    issuer: String,
    audience: String,
}

impl ActiveSigner {
    /// A signer for an Ed25519 private key in PKCS#8 PEM.
    pub fn from_pem(
        pem: &SecretString,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Self, KeyError> {
        install_crypto();
        let (key, public, kid) = jwks::read_pem(pem)?;
        let header = Header { typ: Some(KIND.to_owned()), kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        Ok(Self { key, public, header, issuer: issuer.into(), audience: audience.into() })
    }

    /// A fresh key for [`from_pem`](Self::from_pem): for a first start, and for tests.
    pub fn generate_pem() -> SecretString {
        jwks::generate_pem()
    }

    /// A signed token with these claims.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the key was read and used when the signer was made"
    )]
    pub fn mint(&self, claims: &ActiveClaims) -> String {
        let signed = Signed { issuer: &self.issuer, audience: &self.audience, claims };
        jsonwebtoken::encode(&self.header, &signed, &self.key).expect("Ed25519 over plain claims cannot fail")
    }

    /// The public key, for `/.well-known/jwks.json`.
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }

    /// A verifier of this signer's own tokens.
    pub fn verifier(&self) -> ActiveVerifier {
        ActiveVerifier::from_jwks(&self.jwks(), &self.issuer, &self.audience)
    }
}

impl fmt::Debug for ActiveSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveSigner").field("kid", &self.header.kid).finish_non_exhaustive()
    }
}

/// Verifies active tokens offline. A set of several keys is how keys are changed without a restart.
#[derive(Clone)]
pub struct ActiveVerifier {
    keys: BTreeMap<String, DecodingKey>,
    validation: Validation,
}

impl ActiveVerifier {
    /// A verifier for a published key set. Keys that are not Ed25519 or have no `kid` are passed over.
    pub fn from_jwks(set: &JwkSet, issuer: &str, audience: &str) -> Self {
        install_crypto();
        let mut validation = timeless(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        Self { keys: jwks::verifying_keys(set).collect(), validation }
    }

    /// Whether the set holds the key of this name. A caller that gets [`TokenError::UnknownKey`] fetches the set
    /// again (not more often than it can afford: anybody can invent a `kid`).
    pub fn knows(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    /// The claims of a token that the issuer signed for us and that has not expired at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<ActiveClaims, TokenError> {
        let header = header_of(token, KIND)?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenError::BadSignature);
        }
        let key = header.kid.and_then(|kid| self.keys.get(&kid)).ok_or(TokenError::UnknownKey)?;
        let claims: ActiveClaims = decode(token, key, &self.validation)?;
        if now < claims.expires_at { Ok(claims) } else { Err(TokenError::Expired) }
    }
}

impl fmt::Debug for ActiveVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveVerifier").field("keys", &self.keys.keys()).finish_non_exhaustive()
    }
}
