//! Money and seats, straight from the tables: none of our code has a say.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

/// What must never be, each with the query that would find it.
const FAULTS: [(&str, &str); 7] = [
    (
        "a seat sold twice",
        "SELECT count(*) FROM (SELECT 1 FROM tickets GROUP BY performance, seat HAVING count(*) > 1) t",
    ),
    (
        "a reservation paid twice",
        "SELECT count(*) FROM (SELECT 1 FROM payments WHERE state = 'completed' GROUP BY reservation HAVING count(*) > 1) t",
    ),
    (
        "a payment without its tickets",
        "SELECT count(*) FROM payments p WHERE state = 'completed' AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.payment = p.id)",
    ),
    (
        "a confirmed reservation without a payment",
        "SELECT count(*) FROM reservations r WHERE state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.reservation = r.id AND p.state = 'completed')",
    ),
    (
        "a transfer that does not sum to zero",
        "SELECT count(*) FROM (SELECT 1 FROM ledger_entries GROUP BY transfer HAVING sum(amount) <> 0) t",
    ),
    (
        "a balance that is not the sum of its entries",
        "SELECT count(*) FROM accounts a WHERE balance IS NOT NULL AND balance <> (SELECT coalesce(sum(amount), 0) FROM ledger_entries e WHERE e.account = a.id)",
    ),
    (
        "a token that bought twice",
        "SELECT count(*) FROM (SELECT 1 FROM payments WHERE state = 'completed' GROUP BY token HAVING count(*) > 1) t",
    ),
];

/// The database of a system.
pub(crate) struct Audit(pub(crate) String);

impl Audit {
    /// How many seats have an owner.
    pub(crate) async fn sold(&self) -> usize {
        let count = self.count("SELECT count(*) FROM tickets WHERE state = 'live'").await;
        usize::try_from(count).unwrap()
    }

    /// Waits until so many seats are sold.
    pub(crate) async fn until_sold(&self, seats: usize, patience: Duration) {
        let sold = async {
            while self.sold().await < seats {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(patience, sold).await.expect("the sale proceeds");
    }

    /// Looks for everything that must never be.
    pub(crate) async fn finds_nothing(&self) {
        for (fault, query) in FAULTS {
            assert_eq!(self.count(query).await, 0, "{fault}");
        }
    }

    async fn count(&self, query: &'static str) -> i64 {
        let mut connection = PgConnection::connect(&self.0).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
    }
}
