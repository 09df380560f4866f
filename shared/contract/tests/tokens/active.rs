use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::{
    ids::{ActiveTokenId, MemberId, VisitorId},
    tokens::{ActiveClaims, ActiveSigner, ActiveVerifier, JwkSet, KeyError, TokenError},
};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{altered, assemble, payload_of, second};

/// The key of RFC 8037, appendix A, whose thumbprint is known.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
const KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

fn signer() -> ActiveSigner {
    ActiveSigner::from_pem(&PEM.to_owned().into(), "the-gateway", "the-shop").unwrap()
}

fn claims() -> ActiveClaims {
    ActiveClaims {
        id: ActiveTokenId(uuid::Uuid::from_u128(1)),
        queue: "demo".parse().unwrap(),
        visitor: VisitorId(uuid::Uuid::from_u128(7)),
        member: None,
        epoch: 1_700_000_000_000_000,
        issued_at: now(),
        expires_at: second(1_700_000_300),
    }
}

fn now() -> Timestamp {
    second(1_700_000_000)
}

fn any_claims() -> impl Strategy<Value = ActiveClaims> {
    let ids = (any::<u128>(), any::<u128>(), any::<Option<u128>>());
    ("[a-z0-9][a-z0-9-]{0,63}", ids, any::<i64>(), 0..4_000_000_000_i64, 1..4_000_000_i64).prop_map(
        |(queue, (id, visitor, member), epoch, issued_at, life)| ActiveClaims {
            id: ActiveTokenId(uuid::Uuid::from_u128(id)),
            queue: queue.parse().unwrap(),
            visitor: VisitorId(uuid::Uuid::from_u128(visitor)),
            member: member.map(|member| MemberId(uuid::Uuid::from_u128(member))),
            epoch,
            issued_at: second(issued_at),
            expires_at: second(issued_at + life),
        },
    )
}

proptest! {
    #[test]
    fn any_claims_round_trip(claims in any_claims()) {
        let signer = signer();
        prop_assert_eq!(signer.verifier().verify(&signer.mint(&claims), claims.issued_at), Ok(claims));
    }

    #[test]
    fn any_altered_character_is_refused(claims in any_claims(), at: usize, shift: u8) {
        let signer = signer();
        let token = altered(&signer.mint(&claims), at, shift);
        prop_assert!(signer.verifier().verify(&token, claims.issued_at).is_err());
    }
}

#[test]
fn the_key_set_carries_the_public_half_under_its_thumbprint() {
    let set = serde_json::to_value(signer().jwks()).unwrap();
    let expected = json!({"keys": [{
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KID,
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }]});
    assert_eq!(set, expected);
}

#[test]
fn a_verifier_from_the_published_set_accepts_our_tokens() {
    let published = serde_json::to_string(&signer().jwks()).unwrap();
    let set: JwkSet = serde_json::from_str(&published).unwrap();
    let verifier = ActiveVerifier::from_jwks(&set, "the-gateway", "the-shop");
    assert_eq!(verifier.verify(&signer().mint(&claims()), now()), Ok(claims()));
}

#[test]
fn the_token_ends_exactly_at_its_expiry() {
    let token = signer().mint(&claims());
    let last = claims().expires_at.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap();
    assert_eq!(signer().verifier().verify(&token, last), Ok(claims()));
    assert_eq!(signer().verifier().verify(&token, claims().expires_at), Err(TokenError::Expired));
}

#[test]
fn a_token_of_nobody_in_particular_says_nothing_of_a_member() {
    let payload = payload_of(&signer().mint(&claims()));
    assert!(!payload.contains("member"), "{payload}");

    let member = Some(MemberId(uuid::Uuid::from_u128(9)));
    let of_member = signer().mint(&ActiveClaims { member, ..claims() });
    assert_eq!(signer().verifier().verify(&of_member, now()).unwrap().member, member);
}

#[test]
fn keys_change_without_a_restart() {
    let next = ActiveSigner::from_pem(&ActiveSigner::generate_pem(), "the-gateway", "the-shop").unwrap();
    let token = next.mint(&claims());
    assert_eq!(signer().verifier().verify(&token, now()), Err(TokenError::UnknownKey));

    let both = JwkSet { keys: [signer().jwks().keys, next.jwks().keys].concat() };
    let verifier = ActiveVerifier::from_jwks(&both, "the-gateway", "the-shop");
    assert_eq!(verifier.verify(&token, now()), Ok(claims()));
    assert_eq!(verifier.verify(&signer().mint(&claims()), now()), Ok(claims()));
}

#[test]
fn further_keys_are_published_beside_the_one_that_signs() {
    let (old, pem) = (signer(), ActiveSigner::generate_pem());
    let new = || ActiveSigner::from_pem(&pem, "the-gateway", "the-shop").unwrap();
    let both = new().publishing([&PEM.to_owned().into(), &pem]).unwrap();
    let mut keys = [new().jwks().keys, old.jwks().keys].concat();
    keys.sort_by_key(|key| key.common.key_id.clone());
    assert_eq!(both.jwks().keys, keys, "each once");
    let still_old = signer().publishing([&pem]).unwrap();
    assert_eq!(still_old.jwks(), both.jwks(), "the same from every gateway");
    let verifier = both.verifier();
    for token in [old.mint(&claims()), both.mint(&claims())] {
        assert_eq!(verifier.verify(&token, now()), Ok(claims()));
    }
    assert_eq!(new().verifier().verify(&old.mint(&claims()), now()), Err(TokenError::UnknownKey));
    assert_eq!(new().publishing([&"no key".to_owned().into()]).unwrap_err(), KeyError::NotEd25519Pem);
}

#[test]
fn a_foreign_key_under_our_name_is_a_bad_signature() {
    let foreign = ActiveSigner::generate_pem();
    let key = EncodingKey::from_ed_pem(foreign.expose_secret().as_bytes()).unwrap();
    let header = active_header(Algorithm::EdDSA);
    let token = encode(&header, &signed_payload(), &key).unwrap();
    assert_eq!(signer().verifier().verify(&token, now()), Err(TokenError::BadSignature));
}

#[test]
fn the_public_key_does_not_serve_as_a_shared_secret() {
    let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let published = serde_json::to_vec(&signer().jwks()).unwrap();
    for secret in [x, published, PEM.as_bytes().to_vec()] {
        let token =
            encode(&active_header(Algorithm::HS256), &signed_payload(), &EncodingKey::from_secret(&secret)).unwrap();
        assert_eq!(signer().verifier().verify(&token, now()), Err(TokenError::BadSignature));
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    let header = format!(r#"{{"typ":"active+jwt","alg":"none","kid":"{KID}"}}"#);
    let token = assemble(&header, &payload_of(&signer().mint(&claims())), b"");
    assert_eq!(signer().verifier().verify(&token, now()), Err(TokenError::Malformed));
}

#[test]
fn another_issuer_or_audience_is_named_as_such() {
    for (issuer, audience, error) in [
        ("another-gateway", "the-shop", TokenError::WrongIssuer),
        ("the-gateway", "another-shop", TokenError::WrongAudience),
    ] {
        let token = ActiveSigner::from_pem(&PEM.to_owned().into(), issuer, audience).unwrap().mint(&claims());
        assert_eq!(signer().verifier().verify(&token, now()), Err(error));
    }
}

#[test]
fn a_token_without_issuer_is_refused_although_the_key_fits() {
    let key = EncodingKey::from_ed_pem(PEM.as_bytes()).unwrap();
    let token = encode(&active_header(Algorithm::EdDSA), &claims(), &key).unwrap();
    assert!(signer().verifier().verify(&token, now()).is_err());
}

#[test]
fn a_set_with_keys_of_other_kinds_is_read_past_them() {
    let mut set = serde_json::to_value(signer().jwks()).unwrap();
    set["keys"].as_array_mut().unwrap().insert(0, json!({"kty": "oct", "k": "AAAA", "kid": KID}));
    let set: JwkSet = serde_json::from_value(set).unwrap();
    let verifier = ActiveVerifier::from_jwks(&set, "the-gateway", "the-shop");
    assert_eq!(verifier.verify(&signer().mint(&claims()), now()), Ok(claims()));
}

#[test]
fn text_that_is_no_key_is_refused() {
    for text in ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert_eq!(ActiveSigner::from_pem(&text.to_owned().into(), "a", "b").err(), Some(KeyError::NotEd25519Pem));
    }
}

#[test]
fn the_signer_does_not_print_its_key() {
    assert!(!format!("{:?}", signer()).contains("MC4C"));
    assert!(!format!("{:?}", ActiveSigner::generate_pem()).contains("PRIVATE"));
}

fn active_header(algorithm: Algorithm) -> Header {
    Header { typ: Some("active+jwt".to_owned()), kid: Some(KID.to_owned()), ..Header::new(algorithm) }
}

fn signed_payload() -> serde_json::Value {
    serde_json::from_str(&payload_of(&signer().mint(&claims()))).unwrap()
}
