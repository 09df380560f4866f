//! Ed25519 keys: made, read from PEM, and published as a key set.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, OctetKeyPairParameters, PublicKeyUse, ThumbprintHash},
};
use secrecy::{ExposeSecret, SecretString};

pub use jsonwebtoken::jwk::JwkSet;

/// A key cannot sign tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not an Ed25519 private key in PKCS#8 PEM.
    #[error("the key is not an Ed25519 private key in PKCS#8 PEM")]
    NotEd25519Pem,
}

/// A fresh private key, as PEM.
#[expect(
    clippy::expect_used,
    reason = "without the system's randomness nothing may be signed, so the process must end"
)]
pub(super) fn generate_pem() -> SecretString {
    let pair = Ed25519KeyPair::generate().expect("the system gives random bytes");
    let der = pair.to_pkcs8v1().expect("a fresh key has an encoding");
    // 48 bytes make 64 characters: one line, as PEM wants it.
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref())).into()
}

/// A private key and its public half, named by its RFC 7638 thumbprint.
pub(super) fn read_pem(pem: &SecretString) -> Result<(EncodingKey, Jwk, String), KeyError> {
    let read = || {
        let key = EncodingKey::from_ed_pem(pem.expose_secret().as_bytes())?;
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok((key, jwk, kid))
    };
    read().map_err(|_: jsonwebtoken::errors::Error| KeyError::NotEd25519Pem)
}

/// The keys of a set that can verify tokens of ours, with their names. Keys of other kinds are passed over:
/// a set may hold some that are meant for others (RFC 7517, 5).
pub(super) fn verifying_keys(set: &JwkSet) -> impl Iterator<Item = (String, DecodingKey)> {
    set.keys.iter().filter_map(|jwk| {
        let AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters { curve: EllipticCurve::Ed25519, .. }) =
            &jwk.algorithm
        else {
            return None;
        };
        Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
    })
}
