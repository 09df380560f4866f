//! Typed identifiers: a member's id can never be passed where a reservation's is meant.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// Declares `UUIDv7` newtypes. Ids sort by creation time, which keeps database indexes compact.
#[macro_export]
macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub ::uuid::Uuid);

        impl $name {
            /// A fresh id: the clock's time and random bits.
            pub fn generate(clock: &dyn $crate::clock::Clock) -> Self {
                Self($crate::ids::uuid_at(clock.now()))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

typed_id! {
    /// One slot among the active users of a queue; the `jti` of the active token that carries it.
    ActiveTokenId;
    /// A person known to the ticketing API.
    MemberId;
    /// Somebody in a waiting room: an anonymous browser, the `sub` of both kinds of token.
    VisitorId;
}

impl VisitorId {
    /// The visitor that somebody is who has no identity and comes with this invitation: a join that is repeated,
    /// because its reply was lost, finds the same place.
    pub fn of_invitation(queue: &QueueName, invitation: uuid::Uuid) -> Self {
        Self::hashed(b"visitor of an invitation\0", queue, invitation)
    }

    /// The visitor that a member is in a queue of members (`UUIDv8`: the first 16 bytes of a SHA-256). It follows from
    /// the two alone, so joining again, from anywhere, finds the same place.
    pub fn of_member(queue: &QueueName, member: MemberId) -> Self {
        Self::hashed(b"visitor of a member\0", queue, member.0)
    }

    /// What is hashed for an id begins with what it is for. A queue's name has no zero byte, so no two pairs of queue
    /// and id are the same text.
    fn hashed(purpose: &[u8], queue: &QueueName, id: uuid::Uuid) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in [purpose, queue.as_str().as_bytes(), b"\0", id.as_bytes()] {
            hash.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finish().as_ref()[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// A `UUIDv7` of the given instant.
pub fn uuid_at(now: jiff::Timestamp) -> uuid::Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

/// A queue's name as it stands in addresses, tokens and store keys: 1 to 64 of `a-z 0-9 -`, not starting with `-`.
///
/// The narrow alphabet is what lets the name go into Redis keys and URLs unescaped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueueName(String);

/// The text is not a queue name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a queue name has 1 to 64 characters of a-z, 0-9 and -, and does not start with -")]
pub struct InvalidQueueName;

impl QueueName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for QueueName {
    type Err = InvalidQueueName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for QueueName {
    type Error = InvalidQueueName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let valid = (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-');
        if valid { Ok(Self(text)) } else { Err(InvalidQueueName) }
    }
}

impl From<QueueName> for String {
    fn from(name: QueueName) -> Self {
        name.0
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_name_is_a_short_slug() {
        for name in ["demo", "a", "0-9", "spring-2027", &"x".repeat(64)] {
            assert_eq!(name.parse::<QueueName>().map(|n| n.to_string()).as_deref(), Ok(name));
        }
        for name in ["", "-a", "Demo", "a b", "a{b}", "\u{e9}", &"x".repeat(65)] {
            assert_eq!(name.parse::<QueueName>(), Err(InvalidQueueName), "{name:?}");
        }
    }

    #[test]
    fn a_member_is_the_same_visitor_each_time_and_another_one_in_each_queue() {
        let queue = |name: &str| name.parse::<QueueName>().unwrap();
        let [one, other] = [1, 2].map(|n| MemberId(uuid::Uuid::from_u128(n)));
        let visitor = VisitorId::of_member(&queue("demo"), one);
        // Fixed for ever: a gateway of another version must find the same place.
        assert_eq!(visitor.to_string(), "90bc1557-46ff-87d9-af94-f11875b822fb");
        assert_eq!(visitor.0.get_version_num(), 8);
        for another in [VisitorId::of_member(&queue("demo"), other), VisitorId::of_member(&queue("demo2"), one)] {
            assert_ne!(another, visitor);
        }
        assert_ne!(VisitorId::of_invitation(&queue("demo"), one.0), visitor);
    }

    #[test]
    fn ids_sort_by_creation() {
        let clock = crate::clock::ManualClock::at_second(1_700_000_000);
        let earlier = MemberId::generate(&clock);
        clock.advance(std::time::Duration::from_millis(1));
        assert!(earlier < MemberId::generate(&clock));
    }
}
