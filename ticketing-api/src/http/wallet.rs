//! `/v1/wallet`: a member's money.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use service::{
    problem::{Json, Problem},
    settings::{Faults, Validate},
};

use super::{
    Api,
    bearer::LoggedIn,
    error,
    keyed::Keyed,
    paging::{PageDocument, Paging},
};
use crate::booking::{
    money::{Currency, Money},
    wallet::{LedgerEntry, NewCharge, TransferId, Wallet},
};

/// The rules of wallets.
#[derive(Clone, Debug, Deserialize)]
pub struct WalletSettings {
    /// What new wallets are in.
    pub currency: Currency,
    /// Most that one charge may add, in minor units.
    pub max_charge: i64,
}

impl Validate for WalletSettings {
    fn validate(&self, at: &mut Faults) {
        at.within_range("max_charge", self.max_charge, 1..=Wallet::MAX_BALANCE);
    }
}

/// How much to add, in minor units of the wallet's currency.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargeRequest {
    amount: i64,
}

/// The balance.
pub(super) async fn balance(State(api): State<Arc<Api>>, LoggedIn(member): LoggedIn) -> Result<Json<Wallet>, Problem> {
    api.store.wallet(member).await?.map(Json).ok_or_else(error::member_not_found)
}

/// Adds money. Needs an idempotency key: a repeated call must not add it twice.
pub(super) async fn charge(
    State(api): State<Arc<Api>>,
    LoggedIn(member): LoggedIn,
    request: Keyed<ChargeRequest>,
) -> Result<(StatusCode, Json<Wallet>), Problem> {
    let key = request.required_key(member)?;
    let amount = request.body.amount;
    if amount > api.wallet.max_charge {
        return Err(error::charge_too_large(api.wallet.max_charge));
    }
    let charge = NewCharge {
        id: TransferId::generate(&*api.clock),
        member,
        amount: Money::new(amount, api.wallet.currency),
        now: api.clock.now(),
    };
    let outcome = api.store.charge(charge, &key).await?;
    Ok((StatusCode::CREATED, Json(error::charged(error::once(outcome)?)?)))
}

/// What moved, newest first.
pub(super) async fn entries(
    State(api): State<Arc<Api>>,
    LoggedIn(member): LoggedIn,
    Paging(page): Paging,
) -> Result<Json<PageDocument<LedgerEntry>>, Problem> {
    Ok(Json(PageDocument::new(api.store.ledger_entries(member, page).await?, page)))
}
