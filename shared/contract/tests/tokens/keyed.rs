use contract::tokens::{ActiveSigner, KeyedClaims, KeyedSigner, MAX_TOKEN_BYTES, TokenError};
use jiff::{Timestamp, fmt::serde::timestamp::second as whole_seconds};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{altered, assemble, payload_of, second};

const SECRET: &str = "a secret of at least thirty-two bytes";

/// A place in a line, as an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    queue: String,
    seq: i64,
    #[serde(rename = "exp", with = "whole_seconds::required")]
    expires_at: Timestamp,
}

impl KeyedClaims for Place {
    const KIND: &'static str = "place+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// The same claims as another kind of token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Other(Place);

impl KeyedClaims for Other {
    const KIND: &'static str = "other+jwt";

    fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }
}

fn signer() -> KeyedSigner<Place> {
    KeyedSigner::new(&SECRET.into())
}

fn now() -> Timestamp {
    second(1_700_000_000)
}

fn claims() -> Place {
    Place { queue: "demo".to_owned(), seq: 42, expires_at: second(1_700_003_600) }
}

fn any_claims() -> impl Strategy<Value = Place> {
    ("[a-z0-9][a-z0-9-]{0,63}", any::<i64>(), 1..4_000_000_000_i64).prop_map(|(queue, seq, end)| Place {
        queue,
        seq,
        expires_at: second(end),
    })
}

proptest! {
    #[test]
    fn any_claims_round_trip(claims in any_claims()) {
        let token = signer().mint(&claims);
        prop_assert!(token.len() < MAX_TOKEN_BYTES);
        prop_assert_eq!(signer().verify(&token, second(0)), Ok(claims));
    }

    #[test]
    fn any_altered_character_is_refused(claims in any_claims(), at: usize, shift: u8) {
        let token = signer().mint(&claims);
        prop_assert!(signer().verify(&altered(&token, at, shift), second(0)).is_err());
    }

    #[test]
    fn arbitrary_text_is_refused(text in ".{0,200}") {
        prop_assert!(signer().verify(&text, second(0)).is_err());
    }
}

#[test]
fn the_token_ends_exactly_at_its_expiry() {
    let (signer, claims) = (signer(), claims());
    let token = signer.mint(&claims);
    let last = claims.expires_at.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap();
    assert_eq!(signer.verify(&token, last).as_ref(), Ok(&claims));
    assert_eq!(signer.verify(&token, claims.expires_at), Err(TokenError::Expired));
}

#[test]
fn minting_rounds_down_to_whole_seconds() {
    let mut precise = claims();
    precise.expires_at = precise.expires_at.checked_add(jiff::SignedDuration::from_millis(900)).unwrap();
    assert_eq!(signer().verify(&signer().mint(&precise), now()), Ok(claims()));
}

#[test]
fn any_library_reads_what_we_sign() {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let read = decode::<Place>(&signer().mint(&claims()), &key, &validation).unwrap();
    assert_eq!((read.header.typ.as_deref(), read.claims), (Some("place+jwt"), claims()));

    let header = Header { typ: Some("place+jwt".to_owned()), ..Header::new(Algorithm::HS256) };
    let token = encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    assert_eq!(signer().verify(&token, now()), Ok(claims()));
}

#[test]
fn another_secret_is_a_bad_signature() {
    let token = KeyedSigner::<Place>::new(&"another secret of thirty-two bytes or so".into()).mint(&claims());
    assert_eq!(signer().verify(&token, now()), Err(TokenError::BadSignature));
}

#[test]
fn tokens_under_a_further_secret_are_taken_and_none_is_minted_under_it() {
    let old = signer();
    let new = || KeyedSigner::<Place>::new(&"another secret of thirty-two bytes or so".into());
    let both = new().accepting([&SECRET.into()]);
    assert_eq!(both.verify(&old.mint(&claims()), now()), Ok(claims()));
    assert_eq!(both.verify(&both.mint(&claims()), now()), Ok(claims()));
    assert_eq!(new().verify(&both.mint(&claims()), now()), Ok(claims()));
    assert_eq!(new().verify(&old.mint(&claims()), now()), Err(TokenError::BadSignature));
}

#[test]
fn unsigned_and_foreign_algorithms_are_refused() {
    let payload = payload_of(&signer().mint(&claims()));
    let unsigned = assemble(r#"{"typ":"place+jwt","alg":"none"}"#, &payload, b"");
    assert_eq!(signer().verify(&unsigned, now()), Err(TokenError::Malformed));

    let header = Header { typ: Some("place+jwt".to_owned()), ..Header::new(Algorithm::HS512) };
    let longer_hash = encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    assert_eq!(signer().verify(&longer_hash, now()), Err(TokenError::BadSignature));
}

#[test]
fn a_token_of_another_kind_is_refused_although_the_secret_fits() {
    let other = KeyedSigner::<Other>::new(&SECRET.into()).mint(&Other(claims()));
    assert_eq!(signer().verify(&other, now()), Err(TokenError::WrongKind));

    let plain = encode(&Header::new(Algorithm::HS256), &claims(), &EncodingKey::from_secret(SECRET.as_bytes()));
    assert_eq!(signer().verify(&plain.unwrap(), now()), Err(TokenError::WrongKind));
}

#[test]
fn it_does_not_open_the_shop() {
    let pem = ActiveSigner::generate_pem();
    let shop = ActiveSigner::from_pem(&pem, "the-gateway", "the-shop").unwrap().verifier();
    assert_eq!(shop.verify(&signer().mint(&claims()), now()), Err(TokenError::WrongKind));
}

#[test]
fn unknown_critical_extensions_are_refused() {
    let header = Header {
        typ: Some("place+jwt".to_owned()),
        crit: Some(vec!["b64".to_owned()]),
        ..Header::new(Algorithm::HS256)
    };
    let token = encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    assert_eq!(signer().verify(&token, now()), Err(TokenError::Malformed));
}

#[test]
fn an_oversized_token_is_refused_before_it_is_read() {
    let token = format!("{}.{}", signer().mint(&claims()), "A".repeat(MAX_TOKEN_BYTES));
    assert_eq!(signer().verify(&token, now()), Err(TokenError::Malformed));
}

#[test]
fn the_signer_does_not_print_its_secret() {
    assert!(!format!("{:?}", signer()).contains("secret of"));
}
