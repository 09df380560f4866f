//! The store in SQL: one noun a file, each statement once for both databases.

mod database;
mod fault;
mod row;
mod session;
mod statement;
mod transact;
mod value;
mod word;

mod claim;
mod concert;
mod hold;
mod leave;
mod maintenance;
mod member;
mod outbox;
mod page;
mod payment;
mod release;
mod reservation;
mod reserve;
mod seat;
mod sweep;
mod token;
mod wallet;

use async_trait::async_trait;
use contract::ids::{ActiveTokenId, MemberId};
use jiff::Timestamp;

pub(super) use self::database::Database;
use super::{
    Connections, GrantedClaim, IdempotencyKey, Once, OutboxMessage, Page, PageRequest, RepeatedClaim, StoreError,
    Swept, TicketStore, TokenState,
};
use crate::booking::{
    concert::{Concert, ConcertId, ConcertSummary, NewConcert, Performance, PerformanceId},
    hold::{HoldId, HoldOutcome, NewHold, ReleaseOutcome},
    leaving::{GivenBack, LeaveRefusal, NewLeave},
    member::{Member, MemberCredentials, NewMember, SignUpOutcome},
    payment::{NewPayment, Payment, PaymentOutcome},
    reservation::{NewReservation, Reservation, ReservationId, ReserveOutcome},
    seat::SeatView,
    wallet::{ChargeOutcome, LedgerEntry, NewCharge, Wallet},
};

/// The truth in a SQL database.
#[derive(Debug)]
pub(super) struct SqlStore {
    database: Database,
}

impl SqlStore {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl TicketStore for SqlStore {
    async fn create_member(&self, member: NewMember) -> Result<SignUpOutcome, StoreError> {
        Ok(self.transact(&member).await?)
    }

    async fn credentials(&self, email: &str) -> Result<Option<MemberCredentials>, StoreError> {
        Ok(member::credentials(&self.database, email).await?)
    }

    async fn member(&self, id: MemberId) -> Result<Option<Member>, StoreError> {
        Ok(member::member(&self.database, id).await?)
    }

    async fn create_concert(&self, concert: NewConcert) -> Result<Concert, StoreError> {
        Ok(self.transact(&concert).await?)
    }

    async fn create_concert_once(
        &self,
        concert: NewConcert,
        key: &IdempotencyKey,
    ) -> Result<Once<Concert>, StoreError> {
        Ok(self.transact_once(&concert, Some(key)).await?)
    }

    async fn concerts(&self, page: PageRequest) -> Result<Page<ConcertSummary>, StoreError> {
        Ok(concert::concerts(&self.database, page).await?)
    }

    async fn concert(&self, id: ConcertId) -> Result<Option<Concert>, StoreError> {
        Ok(concert::concert(&self.database, id).await?)
    }

    async fn performance(&self, id: PerformanceId) -> Result<Option<Performance>, StoreError> {
        Ok(concert::performance(&self.database, id).await?)
    }

    async fn seats(&self, id: PerformanceId, now: Timestamp) -> Result<Option<Vec<SeatView>>, StoreError> {
        Ok(seat::seats(&self.database, id, now).await?)
    }

    async fn hold(&self, hold: NewHold, key: Option<&IdempotencyKey>) -> Result<Once<HoldOutcome>, StoreError> {
        Ok(self.transact_once(&hold, key).await?)
    }

    async fn release_hold(&self, id: HoldId, member: MemberId, now: Timestamp) -> Result<ReleaseOutcome, StoreError> {
        Ok(self.transact(&release::Release { id, member, now }).await?)
    }

    async fn reserve(
        &self,
        reservation: NewReservation,
        key: Option<&IdempotencyKey>,
    ) -> Result<Once<ReserveOutcome>, StoreError> {
        Ok(self.transact_once(&reservation, key).await?)
    }

    async fn reservation(&self, id: ReservationId, now: Timestamp) -> Result<Option<Reservation>, StoreError> {
        Ok(reservation::reservation(&self.database, id, now).await?)
    }

    async fn reservations(
        &self,
        member: MemberId,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<Reservation>, StoreError> {
        Ok(reservation::reservations(&self.database, member, page, now).await?)
    }

    async fn pay(&self, payment: NewPayment, key: &IdempotencyKey) -> Result<Once<PaymentOutcome>, StoreError> {
        Ok(self.transact_once(&payment, Some(key)).await?)
    }

    async fn payments(&self, member: MemberId, page: PageRequest) -> Result<Page<Payment>, StoreError> {
        Ok(payment::payments(&self.database, member, page).await?)
    }

    async fn wallet(&self, member: MemberId) -> Result<Option<Wallet>, StoreError> {
        Ok(wallet::wallet(&self.database, member).await?)
    }

    async fn charge(&self, charge: NewCharge, key: &IdempotencyKey) -> Result<Once<ChargeOutcome>, StoreError> {
        Ok(self.transact_once(&charge, Some(key)).await?)
    }

    async fn ledger_entries(&self, member: MemberId, page: PageRequest) -> Result<Page<LedgerEntry>, StoreError> {
        Ok(wallet::ledger_entries(&self.database, member, page).await?)
    }

    async fn token_state(&self, token: ActiveTokenId) -> Result<TokenState, StoreError> {
        Ok(token::token_state(&self.database, token).await?)
    }

    async fn record_claim(&self, claim: GrantedClaim) -> Result<(), StoreError> {
        Ok(self.transact(&claim).await?)
    }

    async fn claims_to_repeat(
        &self,
        now: Timestamp,
        repeat_at: Timestamp,
        limit: u32,
    ) -> Result<Vec<RepeatedClaim>, StoreError> {
        Ok(self.transact(&token::Retell { now, repeat_at, limit }).await?)
    }

    async fn leave(&self, leave: NewLeave) -> Result<Result<GivenBack, LeaveRefusal>, StoreError> {
        self.transact(&leave).await
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<Swept, StoreError> {
        Ok(self.transact(&sweep::Sweep { now, limit }).await?)
    }

    async fn due_messages(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        Ok(self.transact(&outbox::Lease { now, until: lease_until, limit }).await?)
    }

    async fn message_delivered(&self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        Ok(self.transact(&outbox::Delivered { id, now }).await?)
    }

    async fn message_failed(&self, id: i64, retry_at: Timestamp) -> Result<(), StoreError> {
        Ok(self.transact(&outbox::Failed { id, retry_at }).await?)
    }

    async fn forget(&self, older_than: Timestamp, limit: u32) -> Result<u64, StoreError> {
        Ok(self.transact(&maintenance::Forget { older_than, limit }).await?)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(maintenance::ping(&self.database).await?)
    }

    fn connections(&self) -> Connections {
        self.database.connections()
    }
}
