//! What a database error means to the caller.

use crate::store::StoreError;

/// Why a transaction did not get through.
#[derive(Debug)]
pub(super) enum Fault {
    /// The database undid it because of another one: it can be carried out again from its beginning.
    Conflict(String),
    /// The caller must know.
    Store(StoreError),
}

impl Fault {
    /// Data that no version of ours writes.
    #[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
    pub(super) fn corrupt(what: impl ToString) -> Self {
        Self::Store(StoreError::Corrupt(what.to_string()))
    }

    /// What an error of the commit itself means. A reply that never came leaves the outcome open.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        let ended = |code: &str| code.starts_with("08") || code.starts_with("57P");
        match &error {
            sqlx::Error::Database(reply) if !reply.code().is_some_and(|code| ended(&code)) => error.into(),
            _ => Self::Store(StoreError::Unknown(error.to_string())),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict(reason) => Self::Unavailable(reason),
            Fault::Store(error) => error,
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::Database(reply) => match reply.code().as_deref() {
                // serialization_failure, deadlock_detected
                Some("40001" | "40P01") => Self::Conflict(error.to_string()),
                Some(code) if is_passing(code) => Self::Store(StoreError::Unavailable(error.to_string())),
                _ => Self::corrupt(error),
            },
            E::ColumnNotFound(_) | E::ColumnDecode { .. } | E::Decode(_) | E::RowNotFound => Self::corrupt(error),
            _ => Self::Store(StoreError::Unavailable(error.to_string())),
        }
    }
}

/// Whether a code means that the database cannot do it now, and not that the request was wrong.
///
/// PostgreSQL: connection (08), read-only after a failover (25006), resources (53), lock timeout (55P03), cancelled by
/// the statement timeout (57014), shutting down or starting (57P), system error (58).
/// SQLite: busy, locked, read-only, I/O error, full, cannot open; extended codes carry these in their low byte.
fn is_passing(code: &str) -> bool {
    let is_postgres = code.len() == 5; // SQLite's have at most four digits.
    if is_postgres {
        let class = ["08", "53", "57P", "58"];
        return class.iter().any(|class| code.starts_with(class)) || ["25006", "55P03", "57014"].contains(&code);
    }
    code.parse::<u32>().is_ok_and(|code| [5, 6, 8, 10, 13, 14].contains(&(code & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    #[test]
    fn an_overloaded_or_absent_database_is_told_from_a_wrong_statement() {
        for code in ["08006", "53300", "57P01", "55P03", "57014", "25006", "5", "517", "13", "778"] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["23505", "23514", "42601", "22003", "19", "2067", "1555", "1"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
