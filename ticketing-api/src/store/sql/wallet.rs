//! Wallets and the ledger behind them.

use async_trait::async_trait;
use contract::ids::MemberId;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    database::Database,
    fault::Fault,
    row::Row,
    session::Session,
    statement::{Statement, statement},
    transact::{Recorded, Transaction, Verdict},
    value::arguments,
    word::Word,
};
use crate::{
    booking::{
        money::{Currency, Money},
        payment::PaymentId,
        wallet::{ChargeOutcome, LedgerEntry, NewCharge, TransferId, TransferKind, Wallet},
    },
    store::{Page, PageRequest},
};

/// Where charges come from; written by the first migration.
const CASH: Uuid = Uuid::from_u128(1);
/// Where payments go; written by the first migration.
const REVENUE: Uuid = Uuid::from_u128(2);

const LOCK: Statement =
    statement!("SELECT balance, currency AS wallet_currency FROM accounts WHERE id = $1" [for_update "accounts"]);

/// The condition repeats what was decided under the lock: a wallet never goes below zero, whoever errs.
const CHANGE: Statement = statement!(
    "UPDATE accounts SET balance = balance + $2, version = version + 1 WHERE id = $1 AND balance + $2 >= 0
     RETURNING balance, version"
);

const INSERT_TRANSFER: Statement =
    statement!("INSERT INTO ledger_transfers (id, kind, payment, currency, created_at) VALUES ($1, $2, $3, $4, $5)");

const INSERT_ENTRIES: Statement = statement!(
    "INSERT INTO ledger_entries (transfer, account, amount, balance_after, version)
     VALUES ($1, $2, $3, $4, $5), ($1, $6, -$3, NULL, NULL)"
);

const BY_MEMBER: Statement = statement!("SELECT balance, currency AS wallet_currency FROM accounts WHERE id = $1");

const ENTRIES: Statement = statement!(
    "SELECT e.transfer, e.amount, e.balance_after, t.kind, t.payment, t.currency, t.created_at
     FROM ledger_entries e JOIN ledger_transfers t ON t.id = e.transfer
     WHERE e.account = $1 AND e.version IS NOT NULL ORDER BY e.version DESC LIMIT $2 OFFSET $3"
);

/// An account's version is the number of its entries.
const COUNT: Statement = statement!("SELECT version AS total FROM accounts WHERE id = $1");

impl Recorded for NewCharge {
    fn now(&self) -> Timestamp {
        self.now
    }
}

#[async_trait]
impl Transaction for NewCharge {
    type Outcome = ChargeOutcome;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<ChargeOutcome>, Fault> {
        let Some(row) = session.row(&LOCK, arguments![self.member]).await? else {
            return Ok(Verdict::Keep(ChargeOutcome::WalletUnknown));
        };
        let wallet = Wallet { member: self.member, balance: balance(&row)? };
        let charged = match wallet.charge(self.amount) {
            Ok(charged) => charged,
            Err(refusal) => return Ok(Verdict::Keep(refusal)),
        };
        let movement = Movement {
            id: self.id,
            kind: TransferKind::Charge,
            payment: None,
            wallet: self.member,
            change: self.amount.amount,
            currency: self.amount.currency,
            now: self.now,
        };
        transfer(session, &movement).await?;
        Ok(Verdict::Keep(ChargeOutcome::Charged(charged)))
    }
}

/// Money between a wallet, which the transaction has locked, and the house.
#[derive(Debug)]
pub(super) struct Movement {
    pub(super) id: TransferId,
    pub(super) kind: TransferKind,
    pub(super) payment: Option<PaymentId>,
    pub(super) wallet: MemberId,
    /// What the wallet gains; negative when it pays.
    pub(super) change: i64,
    pub(super) currency: Currency,
    pub(super) now: Timestamp,
}

/// Changes the wallet and writes both sides into the ledger.
pub(super) async fn transfer(session: &mut Session, movement: &Movement) -> Result<(), Fault> {
    let Movement { id, kind, payment, wallet, change, currency, now } = *movement;
    let changed = session.row(&CHANGE, arguments![wallet, change]).await?;
    let changed = changed.ok_or_else(|| Fault::corrupt("a locked wallet has less than was read"))?;
    let (balance, version): (i64, i64) = (changed.get("balance")?, changed.get("version")?);
    session.execute(&INSERT_TRANSFER, arguments![id, kind.word(), payment, currency, now]).await?;
    let house = match kind {
        TransferKind::Charge => CASH,
        TransferKind::Payment => REVENUE,
    };
    session.execute(&INSERT_ENTRIES, arguments![id, wallet, change, balance, version, house]).await.map(drop)
}

pub(super) async fn wallet(database: &Database, member: MemberId) -> Result<Option<Wallet>, Fault> {
    let row = database.row(&BY_MEMBER, arguments![member]).await?;
    row.map(|row| Ok(Wallet { member, balance: balance(&row)? })).transpose()
}

pub(super) async fn ledger_entries(
    database: &Database,
    member: MemberId,
    page: PageRequest,
) -> Result<Page<LedgerEntry>, Fault> {
    let rows = database.rows(&ENTRIES, arguments![member, page.limit(), page.offset()]).await?;
    let items = rows.iter().map(read_entry).collect::<Result<_, Fault>>()?;
    let total = database.row(&COUNT, arguments![member]).await?;
    Page::of(items, total.as_ref())
}

/// A wallet's balance from a row with its columns `balance` and `wallet_currency`.
pub(super) fn balance(row: &Row) -> Result<Money, Fault> {
    let currency = row.get::<String>("wallet_currency")?.parse().map_err(Fault::corrupt)?;
    Ok(Money::new(row.get("balance")?, currency))
}

fn read_entry(row: &Row) -> Result<LedgerEntry, Fault> {
    Ok(LedgerEntry {
        transfer: TransferId(row.get("transfer")?),
        kind: row.word("kind")?,
        payment: row.get::<Option<Uuid>>("payment")?.map(PaymentId),
        amount: row.money("amount")?,
        balance_after: row.money("balance_after")?,
        created_at: row.instant("created_at")?,
    })
}
