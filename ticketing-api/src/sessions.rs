//! Session tokens: who is logged in, signed by the API's instances for themselves.

use std::{fmt, time::Duration};

use contract::{ids::MemberId, tokens};
use jiff::{Timestamp, fmt::serde::timestamp::second};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::booking::member::Role;

/// Tells session tokens from waiting and active tokens before anything else is believed.
const KIND: &str = "session+jwt";

/// What a session token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who logged in.
    #[serde(rename = "sub")]
    pub member: MemberId,
    /// His role at the log-in; a change shows at the next one.
    pub role: Role,
    /// When he logged in (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From this instant on the token is refused (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

/// Why a session token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not a session token of ours.
    #[error("the session token is not valid")]
    Invalid,
    /// It was one.
    #[error("the session has expired")]
    Expired,
}

/// Mints and verifies session tokens. Instances of one system share the secret.
pub struct Sessions {
    signing: EncodingKey,
    verifying: DecodingKey,
    header: Header,
    validation: Validation,
    lifetime: Duration,
}

impl Sessions {
    /// The shortest secret that settings should accept: as long as the hash, which RFC 7518, 3.2 demands.
    pub const MIN_SECRET_BYTES: usize = 32;

    /// Sessions that live for `lifetime`.
    pub fn new(secret: &SecretString, lifetime: Duration) -> Self {
        tokens::install_crypto();
        let secret = secret.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is compared by us with the caller's clock; the library would read the machine's.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            header: Header { typ: Some(KIND.to_owned()), ..Header::new(Algorithm::HS256) },
            validation,
            lifetime,
        }
    }

    /// A session that begins now.
    pub fn begin(&self, member: MemberId, role: Role, now: Timestamp) -> Session {
        let whole_seconds = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
        let expires_at = now.checked_add(self.lifetime).unwrap_or(Timestamp::MAX);
        Session { member, role, issued_at: whole_seconds(now), expires_at: whole_seconds(expires_at) }
    }

    /// A signed token of the session.
    ///
    /// # Panics
    /// Never: a keyed hash takes any input, and a session is plain text and numbers.
    #[expect(clippy::expect_used, reason = "proven in the documentation above")]
    pub fn mint(&self, session: &Session) -> String {
        jsonwebtoken::encode(&self.header, session, &self.signing).expect("HS256 over a plain session cannot fail")
    }

    /// The session of a token that we signed and that has not expired at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Session, SessionError> {
        if token.len() > tokens::MAX_TOKEN_BYTES {
            return Err(SessionError::Invalid);
        }
        let session = jsonwebtoken::decode::<Session>(token, &self.verifying, &self.validation)
            .ok()
            .filter(|decoded| decoded.header.typ.as_deref() == Some(KIND))
            .map(|decoded| decoded.claims)
            .ok_or(SessionError::Invalid)?;
        if now < session.expires_at { Ok(session) } else { Err(SessionError::Expired) }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use contract::{
        clock::{Clock, ManualClock},
        ids::VisitorId,
        tokens::{WaitingClaims, WaitingSigner},
    };

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_session_is_believed_until_it_expires() {
        let clock = ManualClock::at_second(1_800_000_000);
        let sessions = Sessions::new(&SECRET.into(), Duration::from_hours(1));
        let session = sessions.begin(MemberId::generate(&clock), Role::Admin, clock.now());
        let token = sessions.mint(&session);
        assert_eq!(sessions.verify(&token, clock.now()), Ok(session));
        clock.advance(Duration::from_hours(1));
        assert_eq!(sessions.verify(&token, clock.now()), Err(SessionError::Expired));
    }

    #[test]
    fn other_tokens_under_the_same_secret_and_sessions_under_another_are_refused() {
        let clock = ManualClock::at_second(1_800_000_000);
        let sessions = Sessions::new(&SECRET.into(), Duration::from_hours(1));
        let waiting = WaitingSigner::new(&SECRET.into()).mint(&WaitingClaims {
            queue: "demo".parse().unwrap(),
            visitor: VisitorId::generate(&clock),
            epoch: 1,
            seq: 1,
            issued_at: clock.now(),
            expires_at: clock.now() + Duration::from_mins(1),
        });
        assert_eq!(sessions.verify(&waiting, clock.now()), Err(SessionError::Invalid));

        let others = Sessions::new(&"another secret of 32 characters!!".into(), Duration::from_hours(1));
        let foreign = others.mint(&others.begin(MemberId::generate(&clock), Role::Admin, clock.now()));
        assert_eq!(sessions.verify(&foreign, clock.now()), Err(SessionError::Invalid));
    }

    #[test]
    fn an_unsigned_or_altered_token_is_refused() {
        let clock = ManualClock::at_second(1_800_000_000);
        let sessions = Sessions::new(&SECRET.into(), Duration::from_hours(1));
        let token = sessions.mint(&sessions.begin(MemberId::generate(&clock), Role::Member, clock.now()));
        let (head, signature) = token.rsplit_once('.').unwrap();
        // {"typ":"session+jwt","alg":"none"}
        let none = format!("eyJ0eXAiOiJzZXNzaW9uK2p3dCIsImFsZyI6Im5vbmUifQ.{}.", head.split_once('.').unwrap().1);
        for forged in [format!("{head}."), format!("{head}.{}", &signature[1..]), none, String::new(), "a.b.c".into()] {
            assert_eq!(sessions.verify(&forged, clock.now()), Err(SessionError::Invalid), "{forged}");
        }
    }
}
