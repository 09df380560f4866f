//! What a run reads in tokens. It trusts its own system, so signatures are left to others.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The order of a waiting token's place: the lower goes first, across epochs too. (A place of an older epoch is
/// restored to the sequence `its epoch - the current epoch + its sequence`, so the sum is the same before and after.)
pub(super) fn order_of(waiting_token: &str) -> Option<i64> {
    let claims = claims(waiting_token)?;
    claims["epoch"].as_i64()?.checked_add(claims["seq"].as_i64()?)
}

/// When somebody was admitted, by the store's clock: the slot's expiry less the life of its token. (The token itself
/// says it in whole seconds.)
pub(super) fn admitted_at(active_token: &str, expires_at: Timestamp) -> Option<Timestamp> {
    let claims = claims(active_token)?;
    let life = SignedDuration::from_secs(claims["exp"].as_i64()? - claims["iat"].as_i64()?);
    expires_at.checked_sub(life).ok()
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        format!("header.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_restored_place_keeps_its_order() {
        let before = order_of(&token(&json!({"epoch": 1_000, "seq": 7})));
        let restored = order_of(&token(&json!({"epoch": 5_000, "seq": 1_000 - 5_000 + 7})));
        assert_eq!((before, restored), (Some(1_007), Some(1_007)));
        assert!(order_of(&token(&json!({"epoch": 5_000, "seq": 1}))) > restored);
        assert_eq!(order_of("nonsense"), None);
    }

    #[test]
    fn an_admission_is_dated_more_finely_than_its_token() {
        let token = token(&json!({"iat": 1_800_000_000, "exp": 1_800_000_600}));
        let expires_at: Timestamp = "2027-01-15T08:10:00.25Z".parse().unwrap();
        assert_eq!(admitted_at(&token, expires_at).unwrap().to_string(), "2027-01-15T08:00:00.25Z");
    }
}
