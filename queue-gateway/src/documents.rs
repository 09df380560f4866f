//! The one document that a join, a poll and the stream's `position` and `admitted` events carry,
//! and the tokens inside it.

use std::{collections::BTreeMap, time::Duration};

use contract::{
    ids::{QueueName, VisitorId},
    tokens::{ActiveClaims, ActiveSigner, TokenError},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    line::{Admission, Epoch, Place, Sequence},
    waiting_token::{WaitingClaims, WaitingSigner},
};

/// A visitor's place as clients read it. It borrows what many documents share, so that a tick allocates nothing for it.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceDocument<'a> {
    /// The queue.
    pub queue: &'a QueueName,
    /// What is true of the visitor.
    pub state: PlaceState,
    /// Exact, 1 for the front; null unless waiting.
    pub position: Option<u64>,
    /// Visitors behind; null unless waiting.
    pub behind: Option<u64>,
    /// The estimate; null when none can be given honestly.
    pub wait_seconds: Option<WaitSeconds>,
    /// The signed place, for clients without cookies; replies to a join alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_token: Option<String>,
    /// Opens the shop; admitted visitors alone, as are the two instants below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_token: Option<String>,
    /// Unused until then, the slot goes to somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_before: Option<Timestamp>,
    /// The active token's own expiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where an admitted visitor goes.
    pub redirect_to: &'a str,
    /// When a client without a stream should ask again.
    pub poll_after_seconds: u64,
    /// The operator's sentence for those who wait.
    pub message: Option<&'a str>,
}

/// What is true of a visitor. Pre-queues, parked turns and closing will add their states here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// In the line.
    Waiting,
    /// Holds a live slot.
    Admitted,
    /// Has no place: he left, or his slot was consumed or ran out. Joining gives a new one.
    Left,
}

/// The estimated wait: an honest range, not a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WaitSeconds {
    /// Half of those in this place wait at most so long.
    pub p50: u64,
    /// Nine of ten do.
    pub p90: u64,
}

/// A visitor's place in the line at one moment.
#[derive(Clone, Copy, Debug)]
pub struct InLine {
    /// Exact, 1 for the front.
    pub position: u64,
    /// Visitors behind.
    pub behind: u64,
    /// The estimate, if one can be given.
    pub wait: Option<WaitSeconds>,
}

/// How long the two tokens live.
#[derive(Clone, Copy, Debug)]
pub struct TokenLifetimes {
    /// A waiting token, from its minting; presence renews it.
    pub waiting: Duration,
    /// From an admission to the last moment for a claim; it bounds how rarely a client may ask.
    pub claim: Duration,
}

/// Makes the documents and reads the tokens in them.
#[derive(Debug)]
pub struct Documents {
    active: ActiveSigner,
    waiting: WaitingSigner,
    lifetimes: TokenLifetimes,
    redirects: BTreeMap<QueueName, String>,
}

impl Documents {
    /// `redirects` holds each queue's address for the admitted.
    pub fn new(
        active: ActiveSigner,
        waiting: WaitingSigner,
        lifetimes: TokenLifetimes,
        redirects: BTreeMap<QueueName, String>,
    ) -> Self {
        Self { active, waiting, lifetimes, redirects }
    }

    /// The document of a visitor in the line.
    pub fn waiting<'a>(&'a self, queue: &'a QueueName, line: InLine, message: Option<&'a str>) -> PlaceDocument<'a> {
        PlaceDocument {
            position: Some(line.position),
            behind: Some(line.behind),
            wait_seconds: line.wait,
            poll_after_seconds: self.poll_after(line),
            message,
            ..self.bare(queue, PlaceState::Waiting)
        }
    }

    /// The document of a visitor with a live slot. The same slot always gives the same token.
    pub fn admitted<'a>(
        &'a self,
        queue: &'a QueueName,
        epoch: Epoch,
        visitor: VisitorId,
        slot: &Admission,
    ) -> PlaceDocument<'a> {
        let token = self.active.mint(&ActiveClaims {
            id: slot.token,
            queue: queue.clone(),
            visitor,
            epoch: epoch.0,
            issued_at: slot.admitted_at,
            expires_at: slot.expires_at,
        });
        PlaceDocument {
            active_token: Some(token),
            claim_before: Some(slot.claim_before),
            expires_at: Some(slot.expires_at),
            ..self.bare(queue, PlaceState::Admitted)
        }
    }

    /// The document of a visitor without a place.
    pub fn left<'a>(&'a self, queue: &'a QueueName) -> PlaceDocument<'a> {
        self.bare(queue, PlaceState::Left)
    }

    /// Signs a place. It lives for the waiting lifetime from `now`.
    pub fn waiting_token(&self, queue: &QueueName, visitor: VisitorId, place: Place, now: Timestamp) -> String {
        self.waiting.mint(&WaitingClaims {
            queue: queue.clone(),
            visitor,
            epoch: place.epoch.0,
            seq: place.seq.0,
            issued_at: now,
            expires_at: now.checked_add(self.lifetimes.waiting).unwrap_or(Timestamp::MAX),
        })
    }

    /// Reads a place that we signed and that has not expired; which queue it is for is left to the caller.
    pub fn read_waiting_token(&self, token: &str, now: Timestamp) -> Result<WaitingClaims, TokenError> {
        self.waiting.verify(token, now)
    }

    /// How long a waiting token lives.
    pub fn waiting_lifetime(&self) -> Duration {
        self.lifetimes.waiting
    }

    fn bare<'a>(&'a self, queue: &'a QueueName, state: PlaceState) -> PlaceDocument<'a> {
        PlaceDocument {
            queue,
            state,
            position: None,
            behind: None,
            wait_seconds: None,
            waiting_token: None,
            active_token: None,
            claim_before: None,
            expires_at: None,
            redirect_to: self.redirects.get(queue).map_or("", String::as_str),
            poll_after_seconds: SLOWEST_POLL,
            message: None,
        }
    }

    /// Seconds until the next question is worth asking: the farther back, the longer. An eighth of the estimated wait
    /// leaves room for the operator to raise the rate; without an estimate a third of the time for a claim keeps
    /// whoever is admitted unseen from losing his slot.
    fn poll_after(&self, line: InLine) -> u64 {
        match line.wait {
            Some(wait) => (wait.p50 / 8).clamp(FASTEST_POLL, SLOWEST_POLL),
            None => (FASTEST_POLL + line.position / 100).min((self.lifetimes.claim.as_secs() / 3).max(FASTEST_POLL)),
        }
    }
}

/// Seconds between two polls at the front of the line.
const FASTEST_POLL: u64 = 2;
/// Seconds between two polls far back in it.
const SLOWEST_POLL: u64 = 60;

/// A place as its token states it.
impl From<&WaitingClaims> for Place {
    fn from(claims: &WaitingClaims) -> Self {
        Self { epoch: Epoch(claims.epoch), seq: Sequence(claims.seq) }
    }
}

#[cfg(test)]
mod tests {
    use contract::{clock::Clock as _, clock::ManualClock, ids::ActiveTokenId};
    use serde_json::{Value, json};

    use super::*;

    fn documents() -> Documents {
        Documents::new(
            ActiveSigner::from_pem(&ActiveSigner::generate_pem(), "gateway", "shop").unwrap(),
            WaitingSigner::new(&"0123456789abcdef0123456789abcdef".into()),
            TokenLifetimes { waiting: Duration::from_hours(1), claim: Duration::from_secs(30) },
            BTreeMap::from([(queue(), "https://shop.test/".to_owned())]),
        )
    }

    fn queue() -> QueueName {
        "demo".parse().unwrap()
    }

    fn json_of(document: &PlaceDocument<'_>) -> Value {
        serde_json::to_value(document).unwrap()
    }

    #[test]
    fn a_waiting_document_shows_the_place_and_no_token() {
        let (documents, queue) = (documents(), queue());
        let line = InLine { position: 12, behind: 340, wait: Some(WaitSeconds { p50: 30, p90: 55 }) };
        assert_eq!(
            json_of(&documents.waiting(&queue, line, Some("soon"))),
            json!({
                "queue": "demo", "state": "waiting", "position": 12, "behind": 340,
                "wait_seconds": {"p50": 30, "p90": 55}, "redirect_to": "https://shop.test/",
                "poll_after_seconds": 3, "message": "soon",
            })
        );
    }

    #[test]
    fn an_admitted_document_carries_a_token_that_the_published_keys_verify() {
        let (documents, queue) = (documents(), queue());
        let clock = ManualClock::at_second(1_800_000_000);
        let visitor = VisitorId::generate(&clock);
        let slot = Admission {
            token: ActiveTokenId::generate(&clock),
            claim_before: clock.now() + Duration::from_secs(30),
            expires_at: clock.now() + Duration::from_mins(10),
            admitted_at: clock.now(),
        };
        let document = documents.admitted(&queue, Epoch(7), visitor, &slot);
        let claims =
            documents.active.verifier().verify(document.active_token.as_deref().unwrap(), clock.now()).unwrap();
        assert_eq!((claims.id, claims.visitor, claims.epoch), (slot.token, visitor, 7));
        let again = documents.admitted(&queue, Epoch(7), visitor, &slot);
        assert_eq!(document.active_token, again.active_token);
        let json = json_of(&document);
        assert_eq!(json["claim_before"], json!("2027-01-15T08:00:30Z"));
        assert_eq!(json["position"], Value::Null);
        assert!(json.get("waiting_token").is_none());
    }

    #[test]
    fn a_signed_place_is_read_back_until_it_expires() {
        let (documents, queue) = (documents(), queue());
        let clock = ManualClock::at_second(1_800_000_000);
        let place = Place { epoch: Epoch(5), seq: Sequence(-3) };
        let token = documents.waiting_token(&queue, VisitorId::generate(&clock), place, clock.now());
        let claims = documents.read_waiting_token(&token, clock.now()).unwrap();
        assert_eq!(Place::from(&claims), place);
        clock.advance(Duration::from_hours(1));
        assert_eq!(documents.read_waiting_token(&token, clock.now()), Err(TokenError::Expired));
    }

    #[test]
    fn those_farther_back_are_asked_to_poll_less_often() {
        let documents = documents();
        let after = |position, p50: Option<u64>| {
            let wait = p50.map(|p50| WaitSeconds { p50, p90: p50 * 2 });
            documents.poll_after(InLine { position, behind: 0, wait })
        };
        assert_eq!([after(1, Some(1)), after(500, Some(80)), after(9_000, Some(4_000))], [2, 10, 60]);
        assert_eq!([after(1, None), after(500, None), after(9_000, None)], [2, 7, 10]);
    }
}
