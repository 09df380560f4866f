//! A gateway as the contract has it, and no more: it publishes keys, admits whom a test wants admitted, and keeps
//! slots. That the real one does the same is for the tests of the whole system to show.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use contract::{
    calls::{ArriveReply, ArriveRequest, ClaimReply, ClaimRequest, ReleaseRequest},
    clock::{Clock, ManualClock},
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
    tokens::{ActiveClaims, ActiveSigner, JwkSet},
};
use jiff::Timestamp;
use parking_lot::Mutex;
use secrecy::SecretString;
use service::accept::{self, ListenSettings};
use testkit::FaultProxy;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

pub(crate) const SERVICE_KEY: &str = "the service key of both services in tests";

/// How long a slot waits to be claimed, from the admission or the last sign of life.
pub(crate) const CLAIM_WITHIN: Duration = Duration::from_secs(30);
/// How long an active token lives.
const LIFE: Duration = Duration::from_mins(10);

/// A gateway that runs until it is dropped. The shop reaches it through a network that can fail.
pub(crate) struct Gateway {
    pub(crate) network: FaultProxy,
    pub(crate) clock: Arc<ManualClock>,
    room: Arc<Room>,
    shutdown: CancellationToken,
}

/// What the gateway knows.
pub(crate) struct Room {
    key: SecretString,
    signer: ActiveSigner,
    clock: Arc<ManualClock>,
    slots: Mutex<HashMap<ActiveTokenId, Slot>>,
    /// What was signed for each slot, its queue, and until when it lives.
    signed: Mutex<HashMap<ActiveTokenId, (String, QueueName, Timestamp)>>,
    claims: Claims,
}

/// Claims that come in.
#[derive(Default)]
struct Claims {
    asked: AtomicU32,
    way: RwLock<()>,
}

#[derive(Clone)]
struct Slot {
    queue: QueueName,
    holder: Option<MemberId>,
    claim_before: Timestamp,
    expires_at: Timestamp,
    signs_of_life: u32,
    released: bool,
}

impl Slot {
    fn new(queue: QueueName, claim_before: Timestamp, expires_at: Timestamp) -> Self {
        Self { queue, holder: None, claim_before, expires_at, signs_of_life: 0, released: false }
    }

    fn lives(&self, now: Timestamp) -> bool {
        !self.released && now < self.expires_at && (self.holder.is_some() || now < self.claim_before)
    }
}

impl Gateway {
    pub(crate) async fn open(clock: &Arc<ManualClock>) -> Arc<Self> {
        let key = ActiveSigner::generate_pem();
        let signer = signer(&key, "ticketing");
        let room = Arc::new(Room {
            key,
            signer,
            clock: Arc::clone(clock),
            slots: Mutex::default(),
            signed: Mutex::default(),
            claims: Claims::default(),
        });
        let router = Router::new()
            .route("/.well-known/jwks.json", get(keys))
            .route("/v1/active-tokens/{id}/claim", post(claim))
            .route("/v1/active-tokens/{id}/arrive", post(arrive))
            .route("/v1/active-tokens/{id}/release", post(release))
            .with_state(Arc::clone(&room));
        let listener = accept::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(accept::serve(listener, router, ListenSettings::default(), shutdown.clone()));
        let network = FaultProxy::start(address).await;
        Arc::new(Self { network, clock: Arc::clone(clock), room, shutdown })
    }

    /// A visitor whose turn has come: their active token.
    pub(crate) fn admit(&self, queue: &str, member: Option<MemberId>) -> String {
        self.room.admit(queue.parse().unwrap(), member)
    }

    /// How many slots are taken.
    pub(crate) fn active(&self) -> usize {
        let now = self.room.clock.now();
        self.room.slots.lock().values().filter(|slot| slot.lives(now)).count()
    }

    /// How many slots have been claimed by somebody and live.
    pub(crate) fn claimed(&self) -> usize {
        let now = self.room.clock.now();
        self.room.slots.lock().values().filter(|slot| slot.lives(now) && slot.holder.is_some()).count()
    }

    /// Its store was set back: it knows the slots, and not who has claimed them.
    pub(crate) fn forget_claims(&self) {
        let claim_before = self.room.clock.now() + CLAIM_WITHIN;
        for slot in self.room.slots.lock().values_mut() {
            (slot.holder, slot.claim_before) = (None, claim_before);
        }
    }

    /// Its store has lost everything: a slot comes back by a claim with the signed token.
    pub(crate) fn lose_everything(&self) {
        self.room.slots.lock().clear();
    }

    /// Claims wait as long as this is kept.
    pub(crate) async fn hold_claims_up(&self) -> impl Sized {
        self.room.claims.way.write().await
    }

    /// How many claims have come in.
    pub(crate) fn claims_asked(&self) -> u32 {
        self.room.claims.asked.load(Ordering::Relaxed)
    }

    /// How many signs of life were reported, of all visitors.
    pub(crate) fn signs_of_life(&self) -> u32 {
        self.room.slots.lock().values().map(|slot| slot.signs_of_life).sum()
    }

    /// A token of no slot, as this gateway signs it for an audience, changed at will.
    pub(crate) fn signed(&self, audience: &str, change: impl FnOnce(&mut ActiveClaims)) -> String {
        let mut claims = self.room.claims("demo".parse().unwrap(), None);
        change(&mut claims);
        signer(&self.room.key, audience).mint(&claims)
    }

    /// The same by somebody else's key.
    pub(crate) fn forged(&self) -> String {
        let claims = self.room.claims("demo".parse().unwrap(), None);
        signer(&ActiveSigner::generate_pem(), "ticketing").mint(&claims)
    }
}

fn signer(key: &SecretString, audience: &str) -> ActiveSigner {
    ActiveSigner::from_pem(key, "queue-gateway", audience).unwrap()
}

impl Room {
    fn claims(&self, queue: QueueName, member: Option<MemberId>) -> ActiveClaims {
        ActiveClaims {
            id: ActiveTokenId::generate(&*self.clock),
            queue,
            visitor: VisitorId::generate(&*self.clock),
            member,
            epoch: 1,
            issued_at: self.clock.now(),
            expires_at: self.clock.now() + LIFE,
        }
    }

    fn admit(&self, queue: QueueName, member: Option<MemberId>) -> String {
        let claims = self.claims(queue, member);
        let claim_before = self.clock.now() + CLAIM_WITHIN;
        self.slots.lock().insert(claims.id, Slot::new(claims.queue.clone(), claim_before, claims.expires_at));
        let token = self.signer.mint(&claims);
        self.signed.lock().insert(claims.id, (token.clone(), claims.queue, claims.expires_at));
        token
    }

    /// Takes a slot in again that was lost.
    fn readmit(&self, id: ActiveTokenId, token: &str) {
        if let Some((_, queue, expires_at)) = self.signed.lock().get(&id).filter(|(signed, ..)| signed == token) {
            self.slots.lock().entry(id).or_insert_with(|| Slot::new(queue.clone(), *expires_at, *expires_at));
        }
    }

    /// Does something with a live slot, for a caller with the service key.
    fn with_slot<T>(
        &self,
        headers: &HeaderMap,
        id: ActiveTokenId,
        act: impl FnOnce(&mut Slot, Timestamp) -> Result<T, StatusCode>,
    ) -> Result<T, StatusCode> {
        if headers.get("authorization").is_none_or(|key| key != &format!("Bearer {SERVICE_KEY}")) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let now = self.clock.now();
        match self.slots.lock().get_mut(&id) {
            Some(slot) if slot.lives(now) => act(slot, now),
            Some(_) => Err(StatusCode::GONE),
            None => Err(StatusCode::NOT_FOUND),
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn keys(State(room): State<Arc<Room>>) -> Json<JwkSet> {
    Json(room.signer.jwks())
}

async fn claim(
    State(room): State<Arc<Room>>,
    Path(id): Path<ActiveTokenId>,
    headers: HeaderMap,
    Json(claim): Json<ClaimRequest>,
) -> Result<Json<ClaimReply>, StatusCode> {
    room.claims.asked.fetch_add(1, Ordering::Relaxed);
    let _way = room.claims.way.read().await;
    if let Some(token) = &claim.active_token {
        room.readmit(id, token);
    }
    room.with_slot(&headers, id, |slot, _| {
        if *slot.holder.get_or_insert(claim.holder) != claim.holder {
            return Err(StatusCode::CONFLICT);
        }
        Ok(Json(ClaimReply { expires_at: slot.expires_at }))
    })
}

async fn arrive(
    State(room): State<Arc<Room>>,
    Path(id): Path<ActiveTokenId>,
    headers: HeaderMap,
    Json(_): Json<ArriveRequest>,
) -> Result<Json<ArriveReply>, StatusCode> {
    room.with_slot(&headers, id, |slot, now| {
        slot.signs_of_life += 1;
        slot.claim_before = now + CLAIM_WITHIN;
        Ok(Json(ArriveReply { claim_before: slot.claim_before, expires_at: slot.expires_at }))
    })
}

async fn release(
    State(room): State<Arc<Room>>,
    Path(id): Path<ActiveTokenId>,
    headers: HeaderMap,
    Json(release): Json<ReleaseRequest>,
) -> Result<StatusCode, StatusCode> {
    room.with_slot(&headers, id, |slot, _| {
        // The real one would look through all of its queues: the API is to name it.
        if release.queue.as_ref() != Some(&slot.queue) {
            return Err(StatusCode::BAD_REQUEST);
        }
        slot.released = true;
        Ok(StatusCode::NO_CONTENT)
    })
}
