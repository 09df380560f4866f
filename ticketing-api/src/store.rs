//! The contract of the truth: members, catalogue, holds, reservations, payments and the ledger, in SQL.
//!
//! Every method is one transaction: it happens wholly or not at all, also across a crash. Refusals are values of the
//! method's own outcome; [`StoreError`] is for a database that cannot do its work. All instants come from the caller's
//! clock, and expiry is exact on read: a hold or reservation past its deadline is treated as over, swept or not.

mod connect;
mod postgres;
mod settings;
mod sql;
mod sqlite;

use std::fmt::Debug;

use async_trait::async_trait;
use contract::ids::{ActiveTokenId, MemberId, QueueName};
use jiff::Timestamp;
use secrecy::SecretString;

pub(crate) use self::connect::connect_in_schema;
pub use self::{
    connect::{ConnectError, connect},
    settings::{InvalidStoreSetting, StoreSettings},
};
use crate::booking::{
    concert::{Concert, ConcertId, ConcertSummary, NewConcert, Performance, PerformanceId},
    hold::{Hold, HoldId, HoldOutcome, NewHold, ReleaseOutcome},
    leaving::{GivenBack, LeaveRefusal, NewLeave, TokenEnd},
    member::{Member, MemberCredentials, NewMember, SignUpOutcome},
    payment::{NewPayment, Payment, PaymentOutcome},
    reservation::{NewReservation, Reservation, ReservationId, ReserveOutcome},
    seat::SeatView,
    wallet::{ChargeOutcome, LedgerEntry, NewCharge, Wallet},
};

/// An `Idempotency-Key` as a client sent it, with what it was sent for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key: keys of different members never meet.
    pub member: MemberId,
    /// 1 to 255 visible ASCII characters.
    pub key: String,
    /// SHA-256 of operation, path and body: the same key with another fingerprint is refused.
    pub fingerprint: [u8; 32],
}

/// What became of a call that carries an idempotency key. Recorded in the same transaction as the call's effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// The call was carried out now.
    Done(T),
    /// An earlier call with this key was; this is its outcome, word for word.
    Replayed(T),
    /// The key belongs to another request.
    KeyReused,
    /// The first call with this key has not ended yet.
    InProgress,
}

/// A page of a longer list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Zero-based.
    pub page: u32,
    /// 1 to 100.
    pub size: u32,
}

/// Some of a longer list, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Items on all pages.
    pub total: u64,
}

/// The holder of a slot, as this service has learnt it from the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenClaim {
    /// The slot.
    pub token: ActiveTokenId,
    /// The queue it belongs to.
    pub queue: QueueName,
    /// The member it is bound to.
    pub holder: MemberId,
    /// When the slot ends by itself.
    pub expires_at: Timestamp,
}

/// A claim that the gateway has granted, with what it takes to tell the gateway again.
#[derive(Clone, Debug)]
pub struct GrantedClaim {
    /// What was granted.
    pub claim: TokenClaim,
    /// The token as the gateway has signed it.
    pub active_token: SecretString,
    /// When the gateway is told again.
    pub repeat_at: Timestamp,
}

/// A claim that the gateway is told once more.
#[derive(Clone, Debug)]
pub struct RepeatedClaim {
    /// The slot.
    pub token: ActiveTokenId,
    /// The queue that gave it out.
    pub queue: QueueName,
    /// The member it is bound to.
    pub holder: MemberId,
    /// The token as the gateway has signed it.
    pub active_token: SecretString,
}

/// What the store knows of an active token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// Never claimed through this service.
    Unclaimed,
    /// Bound to a member.
    Claimed(TokenClaim),
    /// Good for nothing any more.
    Ended(TokenEnd),
}

/// A message that must reach the gateway: at least once, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Ascending.
    pub id: i64,
    /// What to tell.
    pub event: OutboxEvent,
    /// Deliveries tried so far.
    pub attempts: u32,
}

/// What the outbox carries; stored as JSON with its kind as tag.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OutboxEvent {
    /// A payment completed, or the holder left: the gateway may free the slot.
    ReleaseToken {
        /// The slot.
        token: ActiveTokenId,
        /// Its queue.
        queue: QueueName,
    },
}

/// What one sweep ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Holds that ran out, with their seats, for the fast store.
    pub holds: Vec<Hold>,
    /// Reservations that were not paid in time, with their seats.
    pub reservations: Vec<Reservation>,
}

/// Why a transaction could not be done. Nothing of it remains, except where `Unknown` says so.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or has no connection free in time: try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The connection was lost while committing: it may or may not have happened. Repeat with the same idempotency key.
    #[error("the outcome of the transaction is unknown: {0}")]
    Unknown(String),
    /// The database holds or returned something that no version of ours writes.
    #[error("the database holds unreadable data: {0}")]
    Corrupt(String),
}

/// The connections of this process to its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Waiting for work.
    pub idle: usize,
    /// At work.
    pub busy: usize,
}

/// Members, catalogue, bookings and money.
#[async_trait]
pub trait TicketStore: Debug + Send + Sync + 'static {
    /// Adds a member with an empty wallet; a taken email or nickname is refused.
    async fn create_member(&self, member: NewMember) -> Result<SignUpOutcome, StoreError>;
    /// The member of this email with their password's hash.
    async fn credentials(&self, email: &str) -> Result<Option<MemberCredentials>, StoreError>;
    /// A member by id.
    async fn member(&self, id: MemberId) -> Result<Option<Member>, StoreError>;

    /// Adds a concert with its performances and their seats.
    async fn create_concert(&self, concert: NewConcert) -> Result<Concert, StoreError>;
    /// As [`create_concert`](Self::create_concert), once for its key.
    async fn create_concert_once(&self, concert: NewConcert, key: &IdempotencyKey)
    -> Result<Once<Concert>, StoreError>;
    /// Concerts by their soonest performance.
    async fn concerts(&self, page: PageRequest) -> Result<Page<ConcertSummary>, StoreError>;
    /// A concert with its performances.
    async fn concert(&self, id: ConcertId) -> Result<Option<Concert>, StoreError>;
    /// A performance, with the queue that guards its concert.
    async fn performance(&self, id: PerformanceId) -> Result<Option<Performance>, StoreError>;
    /// All seats of a performance in the order of their numbers, each with its state at `now`.
    async fn seats(&self, id: PerformanceId, now: Timestamp) -> Result<Option<Vec<SeatView>>, StoreError>;

    /// Claims all the seats or none. The unique claim on (performance, seat) is the last guard against a double sale.
    async fn hold(&self, hold: NewHold, key: Option<&IdempotencyKey>) -> Result<Once<HoldOutcome>, StoreError>;
    /// Gives a hold up. Only its owner may; a hold that became a reservation is past that.
    async fn release_hold(&self, id: HoldId, member: MemberId, now: Timestamp) -> Result<ReleaseOutcome, StoreError>;
    /// Turns a live hold into a reservation awaiting payment, with the hold's deadline.
    async fn reserve(
        &self,
        reservation: NewReservation,
        key: Option<&IdempotencyKey>,
    ) -> Result<Once<ReserveOutcome>, StoreError>;
    /// A reservation as it stands at `now`.
    async fn reservation(&self, id: ReservationId, now: Timestamp) -> Result<Option<Reservation>, StoreError>;
    /// A member's reservations, newest first.
    async fn reservations(
        &self,
        member: MemberId,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<Reservation>, StoreError>;

    /// Pays a reservation from its owner's wallet: ledger, payment, tickets, sold seats, consumed token and outbox row
    /// together. Insufficient funds are recorded as a failed payment and leave everything else as it was.
    async fn pay(&self, payment: NewPayment, key: &IdempotencyKey) -> Result<Once<PaymentOutcome>, StoreError>;
    /// A member's payments, newest first.
    async fn payments(&self, member: MemberId, page: PageRequest) -> Result<Page<Payment>, StoreError>;

    /// A member's balance.
    async fn wallet(&self, member: MemberId) -> Result<Option<Wallet>, StoreError>;
    /// Adds money to a wallet by a ledger transfer.
    async fn charge(&self, charge: NewCharge, key: &IdempotencyKey) -> Result<Once<ChargeOutcome>, StoreError>;
    /// A wallet's ledger entries, newest first.
    async fn ledger_entries(&self, member: MemberId, page: PageRequest) -> Result<Page<LedgerEntry>, StoreError>;

    /// What is known of an active token.
    async fn token_state(&self, token: ActiveTokenId) -> Result<TokenState, StoreError>;
    /// Remembers a claim that the gateway granted, so that the member goes on when the gateway is down, and the gateway
    /// when its store has forgotten it.
    async fn record_claim(&self, claim: GrantedClaim) -> Result<(), StoreError>;
    /// Up to `limit` claims that are to be told again at `now`; each is due once more at `repeat_at`, so that two
    /// instances do not tell the same. Of a token that has ended, or ends by then, nothing is told any more, and the
    /// signed token is forgotten.
    async fn claims_to_repeat(
        &self,
        now: Timestamp,
        repeat_at: Timestamp,
        limit: u32,
    ) -> Result<Vec<RepeatedClaim>, StoreError>;
    /// Gives a turn back: the token ends, its live holds are given up, its reservations awaiting payment cancelled, and
    /// the gateway is told, all at once. After it no hold, reservation or payment with the token succeeds. A token that
    /// has ended before is left as it is. A claimed token is only its holder's to give back.
    async fn leave(&self, leave: NewLeave) -> Result<Result<GivenBack, LeaveRefusal>, StoreError>;

    /// Ends up to `limit` holds and `limit` reservations whose deadline has passed. The state is checked again under
    /// the row's lock, so a payment in the same instant either wins wholly or finds the reservation expired.
    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<Swept, StoreError>;
    /// Up to `limit` messages due at `now`, leased until `lease_until` so that two instances do not send the same at
    /// once.
    async fn due_messages(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError>;
    /// The message arrived.
    async fn message_delivered(&self, id: i64, now: Timestamp) -> Result<(), StoreError>;
    /// The message did not arrive: it is due again at `retry_at`.
    async fn message_failed(&self, id: i64, retry_at: Timestamp) -> Result<(), StoreError>;

    /// Drops idempotency records, and claims and ends of tokens that expired before `older_than`, and delivered
    /// messages: these grow with traffic. At most `limit` rows of each.
    async fn forget(&self, older_than: Timestamp, limit: u32) -> Result<u64, StoreError>;
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;
    /// The connections at this moment; asks nobody.
    fn connections(&self) -> Connections;
}
