//! The words that stand for states in the database. They are its format: renaming a variant must not change them.

use crate::booking::{
    hold::HoldState, leaving::TokenEnd, member::Role, payment::PaymentState, reservation::ReservationState,
    wallet::TransferKind,
};

/// A state as it is stored.
pub(super) trait Word: Sized {
    fn word(self) -> &'static str;
    fn of(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal),+ $(,)? })+) => {$(
        impl Word for $name {
            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    )+};
}

words! {
    Role { Member = "member", Admin = "admin" }
    HoldState { Held = "held", Reserved = "reserved", Released = "released", Expired = "expired" }
    ReservationState {
        AwaitingPayment = "awaiting_payment",
        Confirmed = "confirmed",
        Cancelled = "cancelled",
        Expired = "expired",
        Refunded = "refunded",
    }
    PaymentState { Completed = "completed", Failed = "failed", Refunded = "refunded" }
    TokenEnd { Paid = "paid", Left = "left" }
    TransferKind { Charge = "charge", Payment = "payment" }
}
