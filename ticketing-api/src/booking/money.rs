//! Amounts of money: whole minor units of a currency, never fractions.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An ISO 4217 code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// The text is not a currency code.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three upper-case letters, such as KRW")]
pub struct InvalidCurrency;

impl Currency {
    /// South Korean won, which has no minor unit: the currency of the demo sale.
    pub const KRW: Self = Self(*b"KRW");

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII letters pass `from_str`, so the text is always there.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(InvalidCurrency) }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in the minor units of its currency (cents, or whole won).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units. Negative only in ledger entries that take money away.
    pub amount: i64,
    /// What they are units of.
    pub currency: Currency,
}

/// Two amounts cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// They are of different currencies.
    #[error("{0} and {1} cannot be added: their currencies differ")]
    Currencies(Currency, Currency),
    /// The result is beyond what 64 bits hold.
    #[error("the sum of money is too large")]
    Overflow,
}

impl Money {
    /// So many minor units of a currency.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum, where both have one currency and it fits.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(self.currency, other.currency));
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// The difference, where both have one currency and it fits.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(self.currency, other.currency));
        }
        let amount = self.amount.checked_sub(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// The sum of amounts of one currency.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EUR: Currency = Currency(*b"EUR");

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!("KRW".parse(), Ok(Currency::KRW));
        for text in ["", "krw", "KR", "KRWX", "K1W", "\u{20a9}"] {
            assert_eq!(text.parse::<Currency>(), Err(InvalidCurrency), "{text:?}");
        }
    }

    #[test]
    fn money_of_two_currencies_does_not_mix() {
        let (won, euro) = (Money::new(1, Currency::KRW), Money::new(1, EUR));
        assert_eq!(won.checked_add(euro), Err(MoneyError::Currencies(Currency::KRW, EUR)));
        assert_eq!(won.checked_sub(euro), Err(MoneyError::Currencies(Currency::KRW, EUR)));
    }

    proptest! {
        #[test]
        fn arithmetic_is_exact_or_refused(a: i64, b: i64) {
            let (left, right) = (Money::new(a, EUR), Money::new(b, EUR));
            let sum = i128::from(a) + i128::from(b);
            match left.checked_add(right) {
                Ok(money) => prop_assert_eq!(i128::from(money.amount), sum),
                Err(error) => {
                    prop_assert_eq!(error, MoneyError::Overflow);
                    prop_assert!(i64::try_from(sum).is_err());
                }
            }
            if let Ok(difference) = left.checked_sub(right) {
                prop_assert_eq!(difference.checked_add(right), Ok(left));
            }
        }

        #[test]
        fn money_survives_its_document(amount: i64) {
            let money = Money::new(amount, Currency::KRW);
            let text = serde_json::to_string(&money).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money);
        }
    }
}
