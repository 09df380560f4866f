//! What is bound to a statement.

use contract::ids::{ActiveTokenId, MemberId, QueueName};
use jiff::Timestamp;
use sqlx::{Postgres, Sqlite, postgres::PgArguments, query::Query, sqlite::SqliteArguments};
use uuid::Uuid;

use crate::booking::{
    concert::{ConcertId, PerformanceId},
    hold::HoldId,
    money::Currency,
    payment::PaymentId,
    reservation::ReservationId,
    seat::SeatNumber,
    ticket::TicketId,
    wallet::TransferId,
};

/// An argument in a form that both drivers take.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Integer(i64),
    Text(String),
    Flag(bool),
    Bytes(Vec<u8>),
    Id(Uuid),
    OptionalId(Option<Uuid>),
    OptionalInteger(Option<i64>),
    Integers(Vec<i64>),
    Ids(Vec<Uuid>),
}

/// The arguments of a statement, in the order of their numbers.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::store::sql::value::Value::from($value)),*]
    };
}
pub(super) use arguments;

pub(super) fn bind_sqlite(
    query: Query<'_, Sqlite, SqliteArguments>,
    values: Vec<Value>,
) -> Query<'_, Sqlite, SqliteArguments> {
    values.into_iter().fold(query, |query, value| match value {
        Value::Integer(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Flag(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Id(value) => query.bind(value),
        Value::OptionalId(value) => query.bind(value),
        Value::OptionalInteger(value) => query.bind(value),
        Value::Integers(values) => query.bind(json_list(values)),
        Value::Ids(values) => query.bind(json_list(values.iter().map(|id| format!("\"{}\"", id.simple())))),
    })
}

pub(super) fn bind_postgres(
    query: Query<'_, Postgres, PgArguments>,
    values: Vec<Value>,
) -> Query<'_, Postgres, PgArguments> {
    values.into_iter().fold(query, |query, value| match value {
        Value::Integer(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Flag(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Id(value) => query.bind(value),
        Value::OptionalId(value) => query.bind(value),
        Value::OptionalInteger(value) => query.bind(value),
        Value::Integers(value) => query.bind(value),
        Value::Ids(value) => query.bind(value),
    })
}

fn json_list(items: impl IntoIterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(","))
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_owned())
    }
}

impl From<&QueueName> for Value {
    fn from(value: &QueueName) -> Self {
        value.as_str().into()
    }
}

impl From<Currency> for Value {
    fn from(value: Currency) -> Self {
        value.as_str().into()
    }
}

/// Instants are kept to the microsecond.
impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Integer(value.as_microsecond())
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::OptionalInteger(value.map(Timestamp::as_microsecond))
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self::Id(value)
    }
}

impl From<Vec<Uuid>> for Value {
    fn from(value: Vec<Uuid>) -> Self {
        Self::Ids(value)
    }
}

impl From<&[SeatNumber]> for Value {
    fn from(value: &[SeatNumber]) -> Self {
        Self::Integers(value.iter().map(|seat| seat.0.into()).collect())
    }
}

macro_rules! from_typed_ids {
    ($($id:ident),+) => {$(
        impl From<$id> for Value {
            fn from(value: $id) -> Self {
                Self::Id(value.0)
            }
        }

        impl From<Option<$id>> for Value {
            fn from(value: Option<$id>) -> Self {
                Self::OptionalId(value.map(|id| id.0))
            }
        }
    )+};
}

from_typed_ids!(
    ActiveTokenId,
    ConcertId,
    HoldId,
    MemberId,
    PaymentId,
    PerformanceId,
    ReservationId,
    TicketId,
    TransferId
);
