use contract::{
    ids::{ActiveTokenId, MemberId, VisitorId},
    tokens::{ActiveClaims, ActiveSigner, ActiveVerifier, JoinClaims, JoinSigner, JoinVerifier, TokenError},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use secrecy::SecretString;

use super::{altered, payload_of, second};

/// The key of RFC 8037, appendix A.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

fn pem() -> SecretString {
    PEM.to_owned().into()
}

fn signer() -> JoinSigner {
    JoinSigner::from_pem(&pem(), "the-shop", "the-gateway").unwrap()
}

fn verifier() -> JoinVerifier {
    JoinVerifier::from_jwks(&signer().jwks(), "the-shop", "the-gateway")
}

fn now() -> Timestamp {
    second(1_700_000_000)
}

fn claims() -> JoinClaims {
    JoinClaims::new("demo".parse().unwrap(), MemberId(uuid::Uuid::from_u128(7)), now())
}

proptest! {
    #[test]
    fn any_claims_round_trip(
        queue in "[a-z0-9][a-z0-9-]{0,63}", member: u128, issued_at in 0..4_000_000_000_i64,
    ) {
        let member = MemberId(uuid::Uuid::from_u128(member));
        let claims = JoinClaims::new(queue.parse().unwrap(), member, second(issued_at));
        prop_assert_eq!(verifier().verify(&signer().mint(&claims), claims.issued_at), Ok(claims));
    }

    #[test]
    fn any_altered_character_is_refused(at: usize, shift: u8) {
        prop_assert!(verifier().verify(&altered(&signer().mint(&claims()), at, shift), now()).is_err());
    }
}

#[test]
fn it_names_queue_member_issuer_and_audience() {
    let payload: serde_json::Value = serde_json::from_str(&payload_of(&signer().mint(&claims()))).unwrap();
    let expected = serde_json::json!({
        "iss": "the-shop", "aud": "the-gateway", "queue": "demo", "sub": "00000000-0000-0000-0000-000000000007",
        "iat": 1_700_000_000, "exp": 1_700_000_120,
    });
    assert_eq!(payload, expected);
}

#[test]
fn it_is_good_for_two_minutes() {
    let token = signer().mint(&claims());
    let end = second(1_700_000_120);
    let last = end.checked_sub(SignedDuration::from_nanos(1)).unwrap();
    assert_eq!(verifier().verify(&token, last), Ok(claims()));
    assert_eq!(verifier().verify(&token, end), Err(TokenError::Expired));
}

#[test]
fn another_issuer_or_audience_is_named_as_such() {
    for (issuer, audience, error) in [
        ("another-shop", "the-gateway", TokenError::WrongIssuer),
        ("the-shop", "another-gateway", TokenError::WrongAudience),
    ] {
        let token = JoinSigner::from_pem(&pem(), issuer, audience).unwrap().mint(&claims());
        assert_eq!(verifier().verify(&token, now()), Err(error));
    }
}

#[test]
fn an_unpublished_key_is_unknown() {
    let other = JoinSigner::from_pem(&JoinSigner::generate_pem(), "the-shop", "the-gateway").unwrap();
    assert_eq!(verifier().verify(&other.mint(&claims()), now()), Err(TokenError::UnknownKey));
}

/// A site may sign both kinds with one key, under one issuer and audience: each is still good for one purpose.
#[test]
fn join_tokens_and_active_tokens_do_not_pass_for_each_other_under_the_same_key() {
    let active = ActiveSigner::from_pem(&pem(), "the-shop", "the-gateway").unwrap();
    let admission = ActiveClaims {
        id: ActiveTokenId(uuid::Uuid::from_u128(1)),
        queue: "demo".parse().unwrap(),
        visitor: VisitorId(uuid::Uuid::from_u128(7)),
        member: None,
        epoch: 0,
        issued_at: now(),
        expires_at: second(1_700_000_300),
    };
    assert_eq!(verifier().verify(&active.mint(&admission), now()), Err(TokenError::WrongKind));

    let shop = ActiveVerifier::from_jwks(&signer().jwks(), "the-shop", "the-gateway");
    assert_eq!(shop.verify(&signer().mint(&claims()), now()), Err(TokenError::WrongKind));
}

#[test]
fn the_signer_does_not_print_its_key() {
    assert!(!format!("{:?}", signer()).contains("MC4C"));
}
