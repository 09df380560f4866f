//! How reservations are paid.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

use crate::{
    booking::payment::{NewPayment, PaymentOutcome},
    store::{IdempotencyKey, Once, StoreError, TicketStore},
};

/// Takes the money for a reservation and confirms it.
///
/// A processor must not leave money taken without a confirmed reservation, nor the other way round, and must carry out
/// one idempotency key once. One that charges elsewhere (cards) needs a state between the two; the wallet does not.
#[async_trait]
pub trait PaymentProcessor: Debug + Send + Sync + 'static {
    /// Pays, or says why not.
    async fn pay(&self, payment: NewPayment, key: &IdempotencyKey) -> Result<Once<PaymentOutcome>, StoreError>;
}

/// Pays from the members' own wallets: money and reservation are in one database, so one transaction does it all.
#[derive(Debug)]
pub struct WalletPayments(Arc<dyn TicketStore>);

impl WalletPayments {
    /// Payments from the wallets of a store.
    pub fn new(store: Arc<dyn TicketStore>) -> Self {
        Self(store)
    }
}

#[async_trait]
impl PaymentProcessor for WalletPayments {
    async fn pay(&self, payment: NewPayment, key: &IdempotencyKey) -> Result<Once<PaymentOutcome>, StoreError> {
        self.0.pay(payment, key).await
    }
}
