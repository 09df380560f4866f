//! Wallets: what members have, and the ledger that says why.

use contract::ids::MemberId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    money::{Currency, Money, MoneyError},
    payment::{Payment, PaymentId, PaymentOutcome, PaymentState},
};

contract::typed_id! {
    /// A transfer between accounts of the ledger; its entries sum to zero.
    TransferId;
}

/// A member's money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Whose.
    pub member: MemberId,
    /// How much: zero or more.
    pub balance: Money,
}

impl Wallet {
    /// The most a wallet may hold. Far above any use, and far enough below 64 bits that all wallets together
    /// can be added up.
    pub const MAX_BALANCE: i64 = 1_000_000_000_000;

    /// The wallet after a charge.
    pub fn charge(self, amount: Money) -> Result<Self, ChargeOutcome> {
        if amount.amount <= 0 {
            return Err(ChargeOutcome::NotPositive);
        }
        match self.balance.checked_add(amount) {
            Ok(balance) if balance.amount <= Self::MAX_BALANCE => Ok(Self { balance, ..self }),
            Err(MoneyError::Currencies(wallet, _)) => Err(ChargeOutcome::WrongCurrency { wallet }),
            _ => Err(ChargeOutcome::LimitExceeded { limit: Self::MAX_BALANCE }),
        }
    }

    /// What becomes of a payment from this wallet: itself when there is enough, or the failure to be recorded.
    pub fn pay(&self, payment: Payment) -> Result<Payment, PaymentOutcome> {
        let balance = self.balance;
        match balance.checked_sub(payment.amount) {
            Ok(rest) if rest.amount >= 0 => Ok(payment),
            Err(MoneyError::Currencies(wallet, _)) => Err(PaymentOutcome::WrongCurrency { wallet }),
            _ => {
                let payment = Payment { state: PaymentState::Failed, ..payment };
                Err(PaymentOutcome::Insufficient { payment, balance })
            }
        }
    }
}

/// Money to be added to a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCharge {
    /// The transfer's id.
    pub id: TransferId,
    /// Whose wallet.
    pub member: MemberId,
    /// How much: above zero.
    pub amount: Money,
    /// The current instant.
    pub now: Timestamp,
}

/// Reply to a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "value", rename_all = "snake_case")]
pub enum ChargeOutcome {
    /// The money is there.
    Charged(Wallet),
    /// No such member.
    WalletUnknown,
    /// Zero or less.
    NotPositive,
    /// The wallet is in another currency.
    WrongCurrency {
        /// The wallet's.
        wallet: Currency,
    },
    /// The wallet would hold more than it may.
    LimitExceeded {
        /// What it may hold, in minor units.
        limit: i64,
    },
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// A wallet was topped up.
    Charge,
    /// A reservation was paid.
    Payment,
}

/// One line of a wallet's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The transfer it belongs to.
    pub transfer: TransferId,
    /// Why.
    pub kind: TransferKind,
    /// Which payment, where it was one.
    pub payment: Option<PaymentId>,
    /// What was added; negative where money left.
    pub amount: Money,
    /// What the wallet had afterwards.
    pub balance_after: Money,
    /// When.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wallet(balance: i64) -> Wallet {
        let clock = contract::clock::ManualClock::at_second(0);
        Wallet { member: MemberId::generate(&clock), balance: Money::new(balance, Currency::KRW) }
    }

    fn won(amount: i64) -> Money {
        Money::new(amount, Currency::KRW)
    }

    #[test]
    fn a_charge_adds_to_the_balance_up_to_the_limit() {
        assert_eq!(wallet(1).charge(won(2)).unwrap().balance, won(3));
        assert_eq!(wallet(0).charge(won(Wallet::MAX_BALANCE)).unwrap().balance, won(Wallet::MAX_BALANCE));
        let refused = Err(ChargeOutcome::LimitExceeded { limit: Wallet::MAX_BALANCE });
        assert_eq!(wallet(1).charge(won(Wallet::MAX_BALANCE)), refused);
        assert_eq!(wallet(1).charge(won(i64::MAX)), refused);
    }

    #[test]
    fn a_charge_is_above_zero_and_in_the_currency_of_the_wallet() {
        assert_eq!(wallet(1).charge(won(0)), Err(ChargeOutcome::NotPositive));
        assert_eq!(wallet(1).charge(won(-1)), Err(ChargeOutcome::NotPositive));
        let euro = Money::new(1, "EUR".parse().unwrap());
        assert_eq!(wallet(1).charge(euro), Err(ChargeOutcome::WrongCurrency { wallet: Currency::KRW }));
    }
}
