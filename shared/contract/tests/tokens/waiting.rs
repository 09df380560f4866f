use contract::{
    ids::VisitorId,
    tokens::{MAX_TOKEN_BYTES, TokenError, WaitingClaims, WaitingSigner},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;

use super::{altered, assemble, payload_of, second};

const SECRET: &str = "a secret of at least thirty-two bytes";

fn signer() -> WaitingSigner {
    WaitingSigner::new(&SECRET.to_owned().into())
}

fn claims() -> WaitingClaims {
    WaitingClaims {
        queue: "demo".parse().unwrap(),
        visitor: VisitorId(uuid::Uuid::from_u128(7)),
        epoch: 1_700_000_000_000_000,
        seq: 42,
        issued_at: second(1_700_000_000),
        expires_at: second(1_700_003_600),
    }
}

fn any_claims() -> impl Strategy<Value = WaitingClaims> {
    ("[a-z0-9][a-z0-9-]{0,63}", any::<u128>(), any::<i64>(), any::<i64>(), 0..4_000_000_000_i64, 1..4_000_000_i64)
        .prop_map(|(queue, visitor, epoch, seq, issued_at, life)| WaitingClaims {
            queue: queue.parse().unwrap(),
            visitor: VisitorId(uuid::Uuid::from_u128(visitor)),
            epoch,
            seq,
            issued_at: second(issued_at),
            expires_at: second(issued_at + life),
        })
}

proptest! {
    #[test]
    fn any_claims_round_trip(claims in any_claims()) {
        let token = signer().mint(&claims);
        prop_assert!(token.len() < MAX_TOKEN_BYTES);
        prop_assert_eq!(signer().verify(&token, claims.issued_at), Ok(claims));
    }

    #[test]
    fn any_altered_character_is_refused(claims in any_claims(), at: usize, shift: u8) {
        let token = signer().mint(&claims);
        prop_assert!(signer().verify(&altered(&token, at, shift), claims.issued_at).is_err());
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
    assert_eq!(signer().verify(&signer().mint(&precise), precise.issued_at), Ok(claims()));
}

#[test]
fn another_secret_is_a_bad_signature() {
    let token = WaitingSigner::new(&"another secret of thirty-two bytes or so".to_owned().into()).mint(&claims());
    assert_eq!(signer().verify(&token, claims().issued_at), Err(TokenError::BadSignature));
}

#[test]
fn unsigned_and_foreign_algorithms_are_refused() {
    let payload = payload_of(&signer().mint(&claims()));
    let unsigned = assemble(r#"{"typ":"waiting+jwt","alg":"none"}"#, &payload, b"");
    assert_eq!(signer().verify(&unsigned, claims().issued_at), Err(TokenError::Malformed));

    let header = Header { typ: Some("waiting+jwt".to_owned()), ..Header::new(Algorithm::HS512) };
    let longer_hash = encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    assert_eq!(signer().verify(&longer_hash, claims().issued_at), Err(TokenError::BadSignature));
}

#[test]
fn a_token_of_another_kind_is_refused_although_the_secret_fits() {
    let plain = encode(&Header::new(Algorithm::HS256), &claims(), &EncodingKey::from_secret(SECRET.as_bytes()));
    assert_eq!(signer().verify(&plain.unwrap(), claims().issued_at), Err(TokenError::WrongKind));
}

#[test]
fn unknown_critical_extensions_are_refused() {
    let header = Header {
        typ: Some("waiting+jwt".to_owned()),
        crit: Some(vec!["b64".to_owned()]),
        ..Header::new(Algorithm::HS256)
    };
    let token = encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    assert_eq!(signer().verify(&token, claims().issued_at), Err(TokenError::Malformed));
}

#[test]
fn an_oversized_token_is_refused_before_it_is_read() {
    let token = format!("{}.{}", signer().mint(&claims()), "A".repeat(MAX_TOKEN_BYTES));
    assert_eq!(signer().verify(&token, claims().issued_at), Err(TokenError::Malformed));
}

#[test]
fn the_signer_does_not_print_its_secret() {
    assert!(!format!("{:?}", signer()).contains("secret of"));
}
