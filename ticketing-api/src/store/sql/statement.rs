//! One text for two databases.
//!
//! SQLite and PostgreSQL take nearly the same SQL. [`statement!`] joins literals into one text for each, and a word in
//! brackets stands where they differ: in how rows are locked and in how a list is passed. SQLite needs no locks,
//! because its writers take turns; lists go to it as JSON.

/// The text of one statement for each database.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

macro_rules! statement {
    ($($part:tt)+) => {
        $crate::store::sql::statement::Statement {
            sqlite: concat!($($crate::store::sql::statement::sqlite!($part)),+),
            postgres: concat!($($crate::store::sql::statement::postgres!($part)),+),
        }
    };
}

macro_rules! sqlite {
    ([for_update $table:literal]) => {
        ""
    };
    ([skip_locked]) => {
        ""
    };
    ([skip_locked_of $table:literal]) => {
        ""
    };
    ([try_lock $key:literal]) => {
        "TRUE"
    };
    ([wait_for_lock $key:literal]) => {
        "NULL"
    };
    ([wait_for_shared_lock $key:literal]) => {
        "NULL"
    };
    ([integers $list:literal]) => {
        concat!("(SELECT value AS n FROM json_each(", $list, ")) AS list")
    };
    ([ids $list:literal]) => {
        concat!("(SELECT unhex(value) AS id FROM json_each(", $list, ")) AS list")
    };
    ([integers_and_ids $integers:literal $ids:literal]) => {
        concat!(
            "(SELECT a.value AS n, unhex(b.value) AS id FROM json_each(",
            $integers,
            ") a JOIN json_each(",
            $ids,
            ") b ON b.key = a.key) AS list"
        )
    };
    ($text:literal) => {
        $text
    };
}

macro_rules! postgres {
    ([for_update $table:literal]) => {
        concat!(" FOR UPDATE OF ", $table)
    };
    ([skip_locked]) => {
        " FOR UPDATE SKIP LOCKED"
    };
    ([skip_locked_of $table:literal]) => {
        concat!(" FOR UPDATE OF ", $table, " SKIP LOCKED")
    };
    ([try_lock $key:literal]) => {
        concat!("pg_try_advisory_xact_lock(", $key, ")")
    };
    ([wait_for_lock $key:literal]) => {
        concat!("pg_advisory_xact_lock(", $key, ")")
    };
    ([wait_for_shared_lock $key:literal]) => {
        concat!("pg_advisory_xact_lock_shared(", $key, ")")
    };
    ([integers $list:literal]) => {
        concat!("unnest(", $list, ") AS list (n)")
    };
    ([ids $list:literal]) => {
        concat!("unnest(", $list, ") AS list (id)")
    };
    ([integers_and_ids $integers:literal $ids:literal]) => {
        concat!("unnest(", $integers, ", ", $ids, ") AS list (n, id)")
    };
    ($text:literal) => {
        $text
    };
}

pub(super) use {postgres, sqlite, statement};

#[cfg(test)]
mod tests {
    #[test]
    fn a_statement_differs_only_in_its_bracketed_words() {
        let statement = statement!("SELECT id FROM holds WHERE id IN (SELECT id FROM " [ids "$1"] ")" [skip_locked]);
        assert_eq!(
            statement.sqlite,
            "SELECT id FROM holds WHERE id IN (SELECT id FROM (SELECT unhex(value) AS id FROM json_each($1)) AS list)"
        );
        assert_eq!(
            statement.postgres,
            "SELECT id FROM holds WHERE id IN (SELECT id FROM unnest($1) AS list (id)) FOR UPDATE SKIP LOCKED"
        );
    }
}
