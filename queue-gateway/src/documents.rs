//! The one document that a join, a poll and the stream's `position` and `admitted` events carry,
//! and the tokens inside it.

mod notice;

use std::{collections::BTreeMap, time::Duration};

use contract::{
    ids::{MemberId, QueueName, VisitorId},
    tokens::{ActiveClaims, ActiveSigner, TokenError},
};
use jiff::Timestamp;
use serde::Serialize;

pub use self::notice::{LaneNotice, Notice, PlaceNotice, PlaceState};
use crate::line::{Admission, Epoch, Lane, Lost, Opening, Outlook, Place, Progress, Sequence, estimate::WaitRange};
use crate::waiting_token::{WaitingClaims, WaitingSigner};

/// A visitor's place as clients read it. It borrows what many documents share, so that a tick allocates nothing for it.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceDocument<'a> {
    /// By the name that settings and addresses use.
    pub queue: &'a QueueName,
    /// What is true of the visitor.
    pub state: PlaceState,
    /// Exact, 1 for the front; null unless waiting.
    pub position: Option<u64>,
    /// Visitors behind; null unless waiting.
    pub behind: Option<u64>,
    /// The estimate; null when none can be given honestly.
    pub wait_seconds: Option<WaitRange>,
    /// The signed place, for clients without cookies; replies to a join alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_token: Option<String>,
    /// Opens the shop; admitted visitors alone, as are the three instants below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_token: Option<String>,
    /// Unless the visitor comes to the shop before, the slot goes to somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrive_before: Option<Timestamp>,
    /// Unless the shop claims the token before, the slot goes to somebody else; later with each sign of life there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_before: Option<Timestamp>,
    /// The active token's own expiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When visitors are let in, while that is yet to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// In which order they are let in, while that is yet to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
    /// The number that the visitor has in the draw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The visitor stands in the priority lane: position, those behind and the estimate count there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub invited: bool,
    /// Where an admitted visitor goes.
    pub redirect_to: &'a str,
    /// When a client without a stream should ask again.
    pub poll_after_seconds: u64,
    /// The operator's sentence for those who wait.
    pub message: Option<&'a str>,
    /// Why the visitor is parked or has no place any more, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The store cannot be asked at the moment: what is said here is the last that was known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refreshing: bool,
}

/// Why somebody is not simply waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Reason {
    /// Parked: too few visitors from the same network come to the shop, so they are let in one at a time.
    HeldBack(HeldBack),
    /// Left, and how.
    Lost(Lost),
}

/// The one reason for being parked while present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBack {
    /// Too few visitors of the network come to the shop.
    NetworkHeldBack,
}

/// Whom a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Whose place it is.
    pub visitor: VisitorId,
    /// The member who the visitor is, in a queue of members: nobody else can use the token.
    pub member: Option<MemberId>,
}

/// Makes the documents and reads the tokens in them.
#[derive(Debug)]
pub struct Documents {
    active: ActiveSigner,
    waiting: WaitingSigner,
    waiting_lifetime: Duration,
    redirects: BTreeMap<QueueName, String>,
}

impl Documents {
    /// `redirects` holds each queue's address for the admitted.
    pub fn new(
        active: ActiveSigner,
        waiting: WaitingSigner,
        waiting_lifetime: Duration,
        redirects: BTreeMap<QueueName, String>,
    ) -> Self {
        Self { active, waiting, waiting_lifetime, redirects }
    }

    /// The document of a visitor in the line, who may be kept out because their network is held back.
    pub fn waiting<'a>(
        &'a self,
        queue: &'a QueueName,
        outlook: Outlook,
        held_back: bool,
        notice: Notice<'a>,
    ) -> PlaceDocument<'a> {
        let lane = if outlook.invited { Lane::Invited } else { Lane::General };
        let PlaceNotice { state, opens_at, opening } = notice.to(lane, held_back);
        // The order of the numbers is not the order in which they are let in.
        let is_to_be_drawn = opening == Some(Opening::Draw) && outlook.number.is_some();
        PlaceDocument {
            position: (!is_to_be_drawn).then_some(outlook.position),
            behind: (!is_to_be_drawn).then_some(outlook.behind),
            wait_seconds: outlook.wait,
            opening,
            number: outlook.number,
            invited: outlook.invited,
            opens_at,
            poll_after_seconds: outlook.ask_again_seconds(),
            message: notice.message,
            reason: held_back.then_some(Reason::HeldBack(HeldBack::NetworkHeldBack)),
            ..self.bare(queue, state)
        }
    }

    /// The document of everybody in the line of a queue that is closed.
    pub fn closed<'a>(&'a self, queue: &'a QueueName, message: Option<&'a str>) -> PlaceDocument<'a> {
        PlaceDocument { message, ..self.bare(queue, PlaceState::Closed) }
    }

    /// The document of a visitor with a live slot. The same slot always gives the same token.
    pub fn admitted<'a>(
        &'a self,
        queue: &'a QueueName,
        epoch: Epoch,
        holder: Holder,
        slot: &Admission,
    ) -> PlaceDocument<'a> {
        let token = self.active.mint(&ActiveClaims {
            id: slot.token,
            queue: queue.clone(),
            visitor: holder.visitor,
            member: holder.member,
            epoch: epoch.0,
            issued_at: slot.admitted_at,
            expires_at: slot.expires_at,
        });
        PlaceDocument {
            active_token: Some(token),
            arrive_before: (slot.progress == Progress::Admitted).then_some(slot.arrive_before),
            claim_before: (slot.progress < Progress::Claimed).then_some(slot.claim_before),
            expires_at: Some(slot.expires_at),
            ..self.bare(queue, PlaceState::Admitted)
        }
    }

    /// The document of a visitor without a place.
    pub fn left<'a>(&'a self, queue: &'a QueueName, lost: Option<Lost>) -> PlaceDocument<'a> {
        PlaceDocument { reason: lost.map(Reason::Lost), ..self.bare(queue, PlaceState::Left) }
    }

    /// Signs a place. It lives for the waiting lifetime from `now`.
    pub fn waiting_token(&self, queue: &QueueName, holder: Holder, place: Place, now: Timestamp) -> String {
        self.waiting.mint(&WaitingClaims {
            queue: queue.clone(),
            visitor: holder.visitor,
            member: holder.member,
            epoch: place.epoch.0,
            seq: place.seq.0,
            issued_at: now,
            expires_at: now.checked_add(self.waiting_lifetime).unwrap_or(Timestamp::MAX),
        })
    }

    /// Reads a place that we signed and that has not expired; which queue it is for is left to the caller.
    pub fn read_waiting_token(&self, token: &str, now: Timestamp) -> Result<WaitingClaims, TokenError> {
        self.waiting.verify(token, now)
    }

    /// How long a waiting token lives.
    pub fn waiting_lifetime(&self) -> Duration {
        self.waiting_lifetime
    }

    /// Where visitors of a queue go once they are admitted.
    pub fn site(&self, queue: &QueueName) -> &str {
        self.redirects.get(queue).map_or("", String::as_str)
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
            arrive_before: None,
            claim_before: None,
            expires_at: None,
            opens_at: None,
            opening: None,
            number: None,
            invited: false,
            redirect_to: self.site(queue),
            poll_after_seconds: SELDOM,
            message: None,
            reason: None,
            refreshing: false,
        }
    }
}

/// Seconds until somebody without a place may ask again.
const SELDOM: u64 = 60;

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
    use crate::line::QueueState;

    fn documents() -> Documents {
        Documents::new(
            ActiveSigner::from_pem(&ActiveSigner::generate_pem(), "gateway", "shop").unwrap(),
            WaitingSigner::new(&"0123456789abcdef0123456789abcdef".into()),
            Duration::from_hours(1),
            BTreeMap::from([(queue(), "https://shop.test/".to_owned())]),
        )
    }

    fn queue() -> QueueName {
        "demo".parse().unwrap()
    }

    /// With the priority lane open.
    fn notice(state: QueueState, opens_at: Option<Timestamp>, message: Option<&str>) -> Notice<'_> {
        let general = LaneNotice { state, opens_at };
        let invited = LaneNotice { state: QueueState::Open, opens_at: None };
        Notice { general, invited, opening: Opening::Fifo, message }
    }

    fn json_of(document: &PlaceDocument<'_>) -> Value {
        serde_json::to_value(document).unwrap()
    }

    #[test]
    fn a_waiting_document_shows_the_place_and_no_token() {
        let (documents, queue) = (documents(), queue());
        let line = Outlook {
            position: 12,
            behind: 340,
            wait: Some(WaitRange { p50: 30, p90: 55 }),
            opens_in: None,
            number: None,
            invited: false,
        };
        let notice = notice(QueueState::Open, None, Some("soon"));
        assert_eq!(
            json_of(&documents.waiting(&queue, line, false, notice)),
            json!({
                "queue": "demo", "state": "waiting", "position": 12, "behind": 340,
                "wait_seconds": {"p50": 30, "p90": 55}, "redirect_to": "https://shop.test/",
                "poll_after_seconds": 3, "message": "soon",
            })
        );
    }

    #[test]
    fn before_the_opening_a_document_says_when_that_is() {
        let (documents, queue) = (documents(), queue());
        let opens_in = Some(Duration::from_secs(20));
        let line = Outlook { position: 3, behind: 0, wait: None, opens_in, number: None, invited: false };
        let opens_at = Some(Timestamp::from_second(1_800_000_000).unwrap());
        let json = |state| json_of(&documents.waiting(&queue, line, false, notice(state, opens_at, None)));
        let document = json(QueueState::PreQueue);
        assert_eq!((&document["state"], &document["opens_at"]), (&json!("pre_queue"), &json!("2027-01-15T08:00:00Z")));
        assert_eq!((&document["position"], &document["poll_after_seconds"]), (&json!(3), &json!(20)));
        assert_eq!(json(QueueState::Scheduled)["state"], json!("scheduled"));
        let invited = Outlook { opens_in: None, invited: true, ..line };
        let document =
            json_of(&documents.waiting(&queue, invited, false, notice(QueueState::PreQueue, opens_at, None)));
        assert_eq!((&document["state"], &document["invited"]), (&json!("waiting"), &json!(true)), "a presale");
        assert_eq!((document.get("opens_at"), document.get("opening")), (None, None));
    }

    #[test]
    fn an_admitted_document_carries_a_token_that_the_published_keys_verify() {
        let (documents, queue) = (documents(), queue());
        let clock = ManualClock::at_second(1_800_000_000);
        let visitor = VisitorId::generate(&clock);
        let holder = Holder { visitor, member: None };
        let slot = Admission {
            token: ActiveTokenId::generate(&clock),
            arrive_before: clock.now() + Duration::from_secs(30),
            claim_before: clock.now() + Duration::from_mins(3),
            progress: Progress::Admitted,
            expires_at: clock.now() + Duration::from_mins(10),
            admitted_at: clock.now(),
        };
        let document = documents.admitted(&queue, Epoch(7), holder, &slot);
        let claims =
            documents.active.verifier().verify(document.active_token.as_deref().unwrap(), clock.now()).unwrap();
        assert_eq!((claims.id, claims.visitor, claims.epoch), (slot.token, visitor, 7));
        let again = documents.admitted(&queue, Epoch(7), holder, &slot);
        assert_eq!(document.active_token, again.active_token);
        let json = json_of(&document);
        assert_eq!(json["arrive_before"], json!("2027-01-15T08:00:30Z"));
        assert_eq!(json["claim_before"], json!("2027-01-15T08:03:00Z"));
        assert_eq!(json["position"], Value::Null);
        assert!(json.get("waiting_token").is_none());
    }

    #[test]
    fn a_signed_place_is_read_back_until_it_expires() {
        let (documents, queue) = (documents(), queue());
        let clock = ManualClock::at_second(1_800_000_000);
        let place = Place { epoch: Epoch(5), seq: Sequence(-3) };
        let token = documents.waiting_token(
            &queue,
            Holder { visitor: VisitorId::generate(&clock), member: None },
            place,
            clock.now(),
        );
        let claims = documents.read_waiting_token(&token, clock.now()).unwrap();
        assert_eq!(Place::from(&claims), place);
        clock.advance(Duration::from_hours(1));
        assert_eq!(documents.read_waiting_token(&token, clock.now()), Err(TokenError::Expired));
    }
}
