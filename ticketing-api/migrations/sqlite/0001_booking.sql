-- Instants are microseconds since 1970 (INTEGER), money is minor units (INTEGER), states are words.
-- The tables and columns are those of ../postgres, so that one statement serves both. Ids are 16 bytes.

CREATE TABLE members (
    id BLOB PRIMARY KEY,
    email TEXT NOT NULL CONSTRAINT members_email UNIQUE,
    nickname TEXT NOT NULL CONSTRAINT members_nickname UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE concerts (
    id BLOB PRIMARY KEY,
    title TEXT NOT NULL,
    place TEXT NOT NULL,
    category TEXT NOT NULL,
    queue TEXT NOT NULL,
    -- Follow from the performances; kept here so that the list needs no grouping.
    first_starts_at INTEGER NOT NULL,
    performances INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX concerts_soonest ON concerts (first_starts_at, id);

CREATE TABLE performances (
    id BLOB PRIMARY KEY,
    concert BLOB NOT NULL REFERENCES concerts (id),
    starts_at INTEGER NOT NULL,
    sale_opens_at INTEGER NOT NULL,
    sale_closes_at INTEGER NOT NULL,
    seats INTEGER NOT NULL,
    currency TEXT NOT NULL
) STRICT;
CREATE INDEX performances_of_concert ON performances (concert, starts_at, id);

CREATE TABLE seats (
    performance BLOB NOT NULL REFERENCES performances (id),
    number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 100000),
    grade TEXT NOT NULL,
    section TEXT NOT NULL,
    price INTEGER NOT NULL CHECK (price >= 0),
    blocked INTEGER NOT NULL,
    PRIMARY KEY (performance, number)
) STRICT;

-- From here on no table refers to performances or members: on PostgreSQL a foreign key would make all buyers of a
-- performance share a lock on its one row. Rows come only from statements that read the parent.

CREATE TABLE holds (
    id BLOB PRIMARY KEY,
    performance BLOB NOT NULL,
    member BLOB NOT NULL,
    token BLOB NOT NULL,
    -- What was asked for, as JSON: the claims may have passed to others since.
    seats TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'reserved', 'released', 'expired')),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX holds_due ON holds (expires_at) WHERE state = 'held';

-- The last guard against a double sale: one claim a seat. A claim past its time counts for nothing and is taken over
-- by the next hold; one without a time is a sold seat.
CREATE TABLE seat_claims (
    performance BLOB NOT NULL,
    seat INTEGER NOT NULL,
    hold BLOB NOT NULL,
    member BLOB NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (performance, seat)
) STRICT;
CREATE INDEX seat_claims_of_hold ON seat_claims (hold);
CREATE INDEX seat_claims_of_member ON seat_claims (member, performance);

CREATE TABLE reservations (
    id BLOB PRIMARY KEY,
    hold BLOB NOT NULL CONSTRAINT reservations_hold UNIQUE,
    member BLOB NOT NULL,
    performance BLOB NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('awaiting_payment', 'confirmed', 'cancelled', 'expired', 'refunded')),
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX reservations_of_member ON reservations (member, created_at DESC, id DESC);
CREATE INDEX reservations_due ON reservations (expires_at) WHERE state = 'awaiting_payment';

CREATE TABLE reservation_seats (
    reservation BLOB NOT NULL REFERENCES reservations (id),
    seat INTEGER NOT NULL,
    grade TEXT NOT NULL,
    section TEXT NOT NULL,
    price INTEGER NOT NULL,
    PRIMARY KEY (reservation, seat)
) STRICT;

CREATE TABLE payments (
    id BLOB PRIMARY KEY,
    reservation BLOB NOT NULL REFERENCES reservations (id),
    member BLOB NOT NULL,
    token BLOB NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('completed', 'failed', 'refunded')),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX payments_of_member ON payments (member, created_at DESC, id DESC);
CREATE UNIQUE INDEX payments_once_per_reservation ON payments (reservation) WHERE state = 'completed';
-- A token is consumed when a payment with it did not fail, also when that was refunded later.
CREATE UNIQUE INDEX payments_consume_token ON payments (token) WHERE state <> 'failed';

CREATE TABLE tickets (
    id BLOB PRIMARY KEY,
    payment BLOB NOT NULL REFERENCES payments (id),
    reservation BLOB NOT NULL,
    performance BLOB NOT NULL,
    seat INTEGER NOT NULL,
    member BLOB NOT NULL,
    price INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'refunded')),
    issued_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX tickets_of_reservation ON tickets (reservation, seat);
CREATE UNIQUE INDEX tickets_once_per_seat ON tickets (performance, seat) WHERE state = 'live';

CREATE TABLE accounts (
    -- A wallet has the id of its member.
    id BLOB PRIMARY KEY,
    currency TEXT,
    -- Kept for wallets alone. The two accounts of the house have none: every sale would wait for the lock on that row,
    -- and their entries tell as much.
    balance INTEGER CHECK (balance >= 0),
    -- Entries so far: the order of a wallet's history.
    version INTEGER NOT NULL
) STRICT;
INSERT INTO accounts (id, currency, balance, version) VALUES
    (x'00000000000000000000000000000001', NULL, NULL, 0), -- cash: where charges come from
    (x'00000000000000000000000000000002', NULL, NULL, 0); -- revenue: where payments go

CREATE TABLE ledger_transfers (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'payment')),
    payment BLOB,
    currency TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger_entries (
    transfer BLOB NOT NULL REFERENCES ledger_transfers (id),
    account BLOB NOT NULL,
    amount INTEGER NOT NULL,
    balance_after INTEGER,
    version INTEGER,
    PRIMARY KEY (transfer, account)
) STRICT;
CREATE UNIQUE INDEX ledger_entries_of_wallet ON ledger_entries (account, version) WHERE version IS NOT NULL;

CREATE TABLE token_claims (
    token BLOB PRIMARY KEY,
    queue TEXT NOT NULL,
    holder BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX token_claims_ended ON token_claims (expires_at);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    delivered_at INTEGER
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at, id) WHERE delivered_at IS NULL;
CREATE INDEX outbox_delivered ON outbox (delivered_at) WHERE delivered_at IS NOT NULL;

CREATE TABLE idempotency_keys (
    member BLOB NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    outcome TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (member, key)
) STRICT;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
