//! The invariants as queries that count what breaks them; both databases take the same text.

use sqlx::{PgPool, SqlitePool};

/// Reads the database behind the store's back.
#[derive(Debug)]
pub(crate) enum Auditor {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

const INVARIANTS: &[(&str, &str)] = &[
    (
        "a claim is for a seat that exists",
        "SELECT count(*) FROM seat_claims k LEFT JOIN seats s ON s.performance = k.performance AND s.number = k.seat
         WHERE s.number IS NULL OR s.blocked",
    ),
    (
        "a performance has as many seats as it says",
        "SELECT count(*) FROM performances p WHERE p.seats <> (SELECT count(*) FROM seats s WHERE s.performance = p.id)",
    ),
    (
        "a claim with a deadline belongs to a hold that lives, with that deadline",
        "SELECT count(*) FROM seat_claims k LEFT JOIN holds h ON h.id = k.hold
         WHERE k.expires_at IS NOT NULL
         AND (h.id IS NULL OR h.expires_at <> k.expires_at OR h.state NOT IN ('held', 'reserved'))",
    ),
    (
        "a sold seat has a live ticket",
        "SELECT count(*) FROM seat_claims k WHERE k.expires_at IS NULL AND NOT EXISTS
         (SELECT 1 FROM tickets t WHERE t.performance = k.performance AND t.seat = k.seat AND t.state = 'live')",
    ),
    (
        "a live ticket has a sold seat of its own",
        "SELECT count(*) FROM tickets t JOIN reservations r ON r.id = t.reservation WHERE t.state = 'live' AND NOT EXISTS
         (SELECT 1 FROM seat_claims k WHERE k.performance = t.performance AND k.seat = t.seat AND k.hold = r.hold
          AND k.member = t.member AND k.expires_at IS NULL)",
    ),
    (
        "a reservation has tickets for all its seats exactly when it is confirmed",
        "SELECT count(*) FROM reservations r
         WHERE (SELECT count(*) FROM tickets t WHERE t.reservation = r.id AND t.state = 'live') <>
         CASE WHEN r.state = 'confirmed' THEN (SELECT count(*) FROM reservation_seats s WHERE s.reservation = r.id) ELSE 0 END",
    ),
    (
        "a reservation has one completed payment of its amount exactly when it is confirmed",
        "SELECT count(*) FROM reservations r
         WHERE (SELECT count(*) FROM payments p WHERE p.reservation = r.id AND p.state = 'completed'
                AND p.amount = r.amount AND p.member = r.member) <> CASE WHEN r.state = 'confirmed' THEN 1 ELSE 0 END",
    ),
    (
        "a reservation costs what its seats cost",
        "SELECT count(*) FROM reservations r
         WHERE r.amount <> (SELECT sum(s.price) FROM reservation_seats s WHERE s.reservation = r.id)",
    ),
    (
        "a reservation has the deadline of its hold",
        "SELECT count(*) FROM reservations r LEFT JOIN holds h ON h.id = r.hold
         WHERE h.id IS NULL OR h.expires_at <> r.expires_at OR h.state <> 'reserved' OR h.member <> r.member",
    ),
    (
        "the entries of a transfer sum to zero",
        "SELECT count(*) FROM ledger_transfers t WHERE (SELECT sum(e.amount) FROM ledger_entries e WHERE e.transfer = t.id) <> 0
         OR (SELECT count(*) FROM ledger_entries e WHERE e.transfer = t.id) <> 2",
    ),
    (
        "a wallet has what its entries sum to, and as many of them as its version says",
        "SELECT count(*) FROM accounts a WHERE a.balance IS NOT NULL
         AND (a.balance < 0 OR a.balance <> (SELECT coalesce(sum(e.amount), 0) FROM ledger_entries e WHERE e.account = a.id)
              OR a.version <> (SELECT count(*) FROM ledger_entries e WHERE e.account = a.id))",
    ),
    (
        "a completed payment moved its amount, and a failed one nothing",
        "SELECT count(*) FROM payments p WHERE
         (SELECT coalesce(sum(e.amount), 0) FROM ledger_transfers t JOIN ledger_entries e ON e.transfer = t.id
          WHERE t.payment = p.id AND e.account = p.member) <> CASE WHEN p.state = 'completed' THEN -p.amount ELSE 0 END",
    ),
    (
        "the gateway is told of a token's end once",
        "SELECT count(*) - count(DISTINCT event) FROM outbox",
    ),
    (
        "a token completed one payment at most",
        "SELECT count(*) FROM (SELECT token FROM payments WHERE state = 'completed' GROUP BY token HAVING count(*) > 1) AS twice",
    ),
    (
        "a payment ended its token, and with no token that was left anything was paid",
        "SELECT count(*) FROM payments p JOIN ended_tokens e ON e.token = p.token
         WHERE p.state = 'completed' AND e.reason <> 'paid'",
    ),
    (
        "nothing stands under a token that was left",
        "SELECT (SELECT count(*) FROM holds h JOIN ended_tokens e ON e.token = h.token
                 WHERE e.reason = 'left' AND h.state = 'held' AND h.expires_at > e.ended_at)
              + (SELECT count(*) FROM reservations r JOIN ended_tokens e ON e.token = r.token
                 WHERE e.reason = 'left' AND r.state = 'awaiting_payment' AND r.expires_at > e.ended_at)",
    ),
    (
        "a reservation was made with a token",
        "SELECT count(*) FROM reservations WHERE token IS NULL",
    ),
];

impl Auditor {
    /// Fails the test with the name of every invariant that does not hold.
    pub(crate) async fn check(&self) {
        let mut broken = Vec::new();
        for (name, query) in INVARIANTS {
            if self.count(query).await != 0 {
                broken.push(*name);
            }
        }
        assert!(broken.is_empty(), "broken invariants: {broken:#?}");
        if let Self::Postgres(_) = self {
            // A deadlock is broken up and repeated, so no reply tells of it.
            let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
            assert_eq!(self.count(deadlocks).await, 0, "locks are taken in one order");
        }
    }

    /// The one number that a query gives.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(query).fetch_one(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_scalar(query).fetch_one(pool).await.unwrap(),
        }
    }

    /// Changes the database behind the store's back.
    pub(crate) async fn execute(&self, statement: &'static str) {
        match self {
            Self::Sqlite(pool) => drop(sqlx::query(statement).execute(pool).await.unwrap()),
            Self::Postgres(pool) => drop(sqlx::query(statement).execute(pool).await.unwrap()),
        }
    }
}
