//! Session tokens: who is logged in, signed by the API's instances for themselves.

use std::time::Duration;

use contract::{
    ids::MemberId,
    tokens::{KeyedClaims, KeyedSigner, TokenError},
};
use jiff::{Timestamp, fmt::serde::timestamp::second};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::booking::member::Role;

/// What a session token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who logged in.
    #[serde(rename = "sub")]
    pub member: MemberId,
    /// Their role at the log-in; a change shows at the next one.
    pub role: Role,
    /// When they logged in (whole seconds).
    #[serde(rename = "iat", with = "second::required")]
    pub issued_at: Timestamp,
    /// From this instant on the token is refused (whole seconds).
    #[serde(rename = "exp", with = "second::required")]
    pub expires_at: Timestamp,
}

impl KeyedClaims for Session {
    const KIND: &'static str = "session+jwt";

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
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

impl From<TokenError> for SessionError {
    fn from(error: TokenError) -> Self {
        if error == TokenError::Expired { Self::Expired } else { Self::Invalid }
    }
}

/// Mints and verifies session tokens. Instances of one system share the secret.
#[derive(Debug)]
pub struct Sessions {
    signer: KeyedSigner<Session>,
    lifetime: Duration,
}

impl Sessions {
    /// Sessions that live for `lifetime`.
    pub fn new(secret: &SecretString, lifetime: Duration) -> Self {
        Self { signer: KeyedSigner::new(secret), lifetime }
    }

    /// A session that begins now.
    pub fn begin(&self, member: MemberId, role: Role, now: Timestamp) -> Session {
        let whole_seconds = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
        let expires_at = now.checked_add(self.lifetime).unwrap_or(Timestamp::MAX);
        Session { member, role, issued_at: whole_seconds(now), expires_at: whole_seconds(expires_at) }
    }

    /// A signed token of the session.
    pub fn mint(&self, session: &Session) -> String {
        self.signer.mint(session)
    }

    /// The session of a token that we signed and that has not expired at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Session, SessionError> {
        Ok(self.signer.verify(token, now)?)
    }
}

#[cfg(test)]
mod tests {
    use contract::clock::{Clock, ManualClock};
    use jsonwebtoken::{Algorithm, EncodingKey, Header};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// The claims of a session as another kind of token.
    #[derive(Deserialize, Serialize)]
    #[serde(transparent)]
    struct Waiting(Session);

    impl KeyedClaims for Waiting {
        const KIND: &'static str = "waiting+jwt";

        fn expires_at(&self) -> Timestamp {
            self.0.expires_at
        }
    }

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
        let session = sessions.begin(MemberId::generate(&clock), Role::Admin, clock.now());
        let waiting = KeyedSigner::new(&SECRET.into()).mint(&Waiting(session));
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

    /// RFC 7515, 4.1.11: what is marked critical and not understood makes the token invalid.
    #[test]
    fn a_token_with_an_extension_that_it_calls_critical_is_refused() {
        let clock = ManualClock::at_second(1_800_000_000);
        let sessions = Sessions::new(&SECRET.into(), Duration::from_hours(1));
        let session = sessions.begin(MemberId::generate(&clock), Role::Member, clock.now());
        let signed = |header: Header| {
            jsonwebtoken::encode(&header, &session, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
        };
        let header = Header { typ: Some(Session::KIND.to_owned()), ..Header::new(Algorithm::HS256) };
        let critical = Header { crit: Some(vec!["b64".to_owned()]), ..header.clone() };
        assert_eq!(sessions.verify(&signed(header), clock.now()).as_ref(), Ok(&session));
        assert_eq!(sessions.verify(&signed(critical), clock.now()), Err(SessionError::Invalid));
    }
}
