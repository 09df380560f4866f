//! The waiting token: a place in a line, signed by the gateways for themselves.

use contract::{
    ids::{MemberId, QueueName, VisitorId},
    tokens::{KeyedClaims, KeyedSigner},
};
use jiff::{Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize};

/// Mints and verifies waiting tokens. Gateways of one system share the secret.
pub type WaitingSigner = KeyedSigner<WaitingClaims>;

/// What a waiting token says. With the queue's epoch and the sequence under our signature,
/// a line can be put back in its old order after the store has lost it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingClaims {
    /// The line that the place is in.
    pub queue: QueueName,
    /// Whose place it is.
    #[serde(rename = "sub")]
    pub visitor: VisitorId,
    /// The member whose place it is, in a queue of members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberId>,
    /// When the queue's state was created in its store (microseconds); sequences of different epochs do not compare.
    pub epoch: i64,
    /// The place: the number that the store issued within the epoch.
    pub seq: i64,
    /// When the token was minted (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From this instant on the token is refused (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

impl KeyedClaims for WaitingClaims {
    const KIND: &'static str = "waiting+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    proptest! {
        #[test]
        fn any_place_round_trips(
            queue in "[a-z0-9][a-z0-9-]{0,63}",
            visitor: u128,
            member: Option<u128>,
            epoch: i64,
            seq: i64,
            issued_at in 0..4_000_000_000_i64,
            life in 1..4_000_000_i64,
        ) {
            let claims = WaitingClaims {
                queue: queue.parse().unwrap(),
                visitor: VisitorId(uuid::Uuid::from_u128(visitor)),
                member: member.map(|member| MemberId(uuid::Uuid::from_u128(member))),
                epoch,
                seq,
                issued_at: second(issued_at),
                expires_at: second(issued_at + life),
            };
            let signer = WaitingSigner::new(&"a secret of at least thirty-two bytes".into());
            prop_assert_eq!(signer.verify(&signer.mint(&claims), claims.issued_at), Ok(claims));
        }
    }
}
