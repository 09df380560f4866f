//! What comes back from a statement.

use contract::ids::QueueName;
use jiff::Timestamp;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};

use super::{fault::Fault, word::Word};
use crate::booking::{
    money::{Currency, Money},
    seat::SeatNumber,
};

/// A row of either database.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What both drivers read.
pub(super) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Column for T where T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

impl Row {
    pub(super) fn get<T: Column>(&self, column: &str) -> Result<T, Fault> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(Fault::from)
    }

    pub(super) fn instant(&self, column: &str) -> Result<Timestamp, Fault> {
        // By nanoseconds: `from_microsecond` refuses the last second of the year 9999, which `Value` writes.
        let microseconds: i64 = self.get(column)?;
        Timestamp::from_nanosecond(i128::from(microseconds) * 1000).map_err(Fault::corrupt)
    }

    /// A count or a number that is never negative.
    pub(super) fn count(&self, column: &str) -> Result<u32, Fault> {
        u32::try_from(self.get::<i64>(column)?).map_err(Fault::corrupt)
    }

    pub(super) fn seat(&self, column: &str) -> Result<SeatNumber, Fault> {
        self.count(column).map(SeatNumber)
    }

    pub(super) fn queue(&self, column: &str) -> Result<QueueName, Fault> {
        QueueName::try_from(self.get::<String>(column)?).map_err(Fault::corrupt)
    }

    pub(super) fn word<T: Word>(&self, column: &str) -> Result<T, Fault> {
        let word: String = self.get(column)?;
        T::of(&word).ok_or_else(|| Fault::corrupt(format!("{word:?} in column {column}")))
    }

    pub(super) fn optional_word<T: Word>(&self, column: &str) -> Result<Option<T>, Fault> {
        self.get::<Option<String>>(column)?.map(|_| self.word(column)).transpose()
    }

    pub(super) fn currency(&self) -> Result<Currency, Fault> {
        self.get::<String>("currency")?.parse().map_err(Fault::corrupt)
    }

    /// An amount in the currency that stands in the row's column `currency`.
    pub(super) fn money(&self, column: &str) -> Result<Money, Fault> {
        Ok(Money::new(self.get(column)?, self.currency()?))
    }
}
