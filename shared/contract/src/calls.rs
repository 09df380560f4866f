//! The documents that the two services exchange, and the problem codes that both rely on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{MemberId, QueueName};

/// Body of `POST /v1/active-tokens/{id}/claim`: binds the token to the member who uses it first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// Who uses the token; anybody else is refused from now on.
    pub holder: MemberId,
    /// The signed token, so that its slot can be restored when the store has lost its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_token: Option<String>,
}

/// Reply to a claim that holds. Fields may be added: readers pass over those that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimReply {
    /// Until when the slot lives.
    pub expires_at: Timestamp,
}

/// Body of `POST /v1/active-tokens/{id}/arrive`: the visitor is at the site, or is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArriveRequest {
    /// The signed token: it names the queue and proves that the slot was given.
    pub active_token: String,
}

/// Reply to a sign of life that counts. Fields may be added: readers pass over those that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArriveReply {
    /// Until when the token has to be claimed, unless it is already; a later sign of life can extend it.
    pub claim_before: Timestamp,
    /// Until when the slot lives.
    pub expires_at: Timestamp,
}

/// Body of `POST /v1/active-tokens/{id}/release`, which may be empty: ends the slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReleaseRequest {
    /// The queue that gave the token out. Without it the gateway has to ask each of its queues, and those that it
    /// cannot reach keep it from saying that the slot is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueName>,
}

/// No slot of this id, and no signed token that would restore it (404).
pub const TOKEN_NOT_FOUND: &str = "token_not_found";

/// The slot was released, has expired, or was not reached or claimed in time (410).
pub const TOKEN_GONE: &str = "token_gone";

/// Somebody else claimed the token first (409).
pub const TOKEN_HELD_BY_ANOTHER: &str = "token_held_by_another";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_exactly_what_both_sides_agreed_on() {
        let holder = "018bcfe5-6800-7000-8000-000000000000";
        let claim: ClaimRequest = serde_json::from_value(serde_json::json!({ "holder": holder })).unwrap();
        assert_eq!(serde_json::to_value(&claim).unwrap(), serde_json::json!({ "holder": holder }));

        let unknown = serde_json::json!({ "holder": holder, "token": "x" });
        assert!(serde_json::from_value::<ClaimRequest>(unknown).is_err());
    }

    #[test]
    fn a_sign_of_life_is_exactly_what_both_sides_agreed_on() {
        let arrival: ArriveRequest = serde_json::from_value(serde_json::json!({ "active_token": "x" })).unwrap();
        assert_eq!(serde_json::to_value(&arrival).unwrap(), serde_json::json!({ "active_token": "x" }));

        for wrong in [serde_json::json!({}), serde_json::json!({ "active_token": "x", "holder": "y" })] {
            assert!(serde_json::from_value::<ArriveRequest>(wrong).is_err());
        }
    }

    #[test]
    fn a_release_is_exactly_what_both_sides_agreed_on() {
        for document in [serde_json::json!({}), serde_json::json!({ "queue": "demo" })] {
            let release: ReleaseRequest = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(&release).unwrap(), document);
        }
        for wrong in [serde_json::json!({ "queue": "no name" }), serde_json::json!({ "token": "x" })] {
            assert!(serde_json::from_value::<ReleaseRequest>(wrong).is_err());
        }
    }

    #[test]
    fn a_reply_from_a_newer_gateway_is_understood() {
        let reply = serde_json::json!({ "expires_at": "2027-01-01T00:00:00Z", "added_later": true });
        assert!(serde_json::from_value::<ClaimReply>(reply).is_ok());

        let instant = "2027-01-01T00:00:00Z";
        let reply = serde_json::json!({ "claim_before": instant, "expires_at": instant, "added_later": true });
        assert!(serde_json::from_value::<ArriveReply>(reply).is_ok());
    }
}
