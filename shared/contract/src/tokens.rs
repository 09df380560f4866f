//! Signed tokens and the keys behind them.
//!
//! An *active token* opens the shop, and a *join token* tells the gateway which member of a site wants a place. Others
//! than their signer read them, so an Ed25519 key signs them and the public half travels as a key set (JWKS). Tokens
//! that a service reads alone (waiting tokens, sessions) are signed with a keyed hash: their claims are the service's
//! own, the [rules](KeyedSigner) are here. The header's `typ` tells the kinds apart before anything else is believed.
//!
//! Instants in a token are whole seconds, rounded down when minted: a token never outlives its slot.

mod active;
mod ed25519;
mod join;
mod jwks;
mod keyed;

use jsonwebtoken::{Algorithm, DecodingKey, Header, TokenData, Validation, errors::ErrorKind};
use serde::de::DeserializeOwned;

pub use self::{
    active::{ActiveClaims, ActiveSigner, ActiveVerifier},
    ed25519::{Ed25519Claims, Ed25519Signer, Ed25519Verifier},
    join::{JoinClaims, JoinSigner, JoinVerifier},
    jwks::{JwkSet, KeyError},
    keyed::{KeyedClaims, KeyedSigner},
};

/// No token of ours comes near this size; longer input is refused before it is decoded.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// The shortest secret of a keyed hash that settings should accept: as long as the hash, which RFC 7518, 3.2 demands.
pub const MIN_SECRET_BYTES: usize = 32;

/// Why a token is refused. The variants are ordered by when they are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token at all: too long, not three parts, not JSON, or claims that are missing or of a wrong type.
    #[error("the token is malformed")]
    Malformed,
    /// A token of another kind, such as a waiting token where an active one is wanted.
    #[error("the token is of another kind")]
    WrongKind,
    /// Signed with a key that is not in the set. The set may be old: refresh it, then verify once more.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature does not fit, or the algorithm is not the one of this kind of token.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Signed by us, but on behalf of another issuer.
    #[error("the token has another issuer")]
    WrongIssuer,
    /// Meant for somebody else.
    #[error("the token is meant for another audience")]
    WrongAudience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// Chooses the cryptography behind the tokens that others read. Their constructors call it; calling it again does
/// nothing.
pub fn install_crypto() {
    // An error only says that a provider is installed already.
    let _already_installed = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

/// Reads the header and refuses what is too long, of another kind, or demands extensions we do not know.
fn header_of(token: &str, kind: &str) -> Result<Header, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
    if header.typ.as_deref() != Some(kind) {
        return Err(TokenError::WrongKind);
    }
    // RFC 7515, 4.1.11: extensions marked critical that are not understood make the token invalid.
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    Ok(header)
}

/// A validation that believes nothing about time: expiry is compared by us with the caller's clock,
/// because the library would read the machine's and grant a leeway.
fn timeless(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.leeway = 0;
    validation.required_spec_claims.clear();
    validation
}

fn decode<T: DeserializeOwned>(token: &str, key: &DecodingKey, validation: &Validation) -> Result<T, TokenError> {
    match jsonwebtoken::decode::<T>(token, key, validation) {
        Ok(TokenData { claims, .. }) => Ok(claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => TokenError::BadSignature,
            ErrorKind::InvalidIssuer => TokenError::WrongIssuer,
            ErrorKind::InvalidAudience => TokenError::WrongAudience,
            _ => TokenError::Malformed,
        }),
    }
}
