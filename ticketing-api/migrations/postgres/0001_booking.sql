-- Instants are microseconds since 1970 (BIGINT), money is minor units (BIGINT), states are words.
-- The tables and columns are those of ../sqlite, so that one statement serves both.

CREATE TABLE members (
    id UUID PRIMARY KEY,
    email TEXT NOT NULL CONSTRAINT members_email UNIQUE,
    nickname TEXT NOT NULL CONSTRAINT members_nickname UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
    created_at BIGINT NOT NULL
);

CREATE TABLE concerts (
    id UUID PRIMARY KEY,
    title TEXT NOT NULL,
    place TEXT NOT NULL,
    category TEXT NOT NULL,
    queue TEXT NOT NULL,
    -- Follow from the performances; kept here so that the list needs no grouping.
    first_starts_at BIGINT NOT NULL,
    performances BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX concerts_soonest ON concerts (first_starts_at, id);

CREATE TABLE performances (
    id UUID PRIMARY KEY,
    concert UUID NOT NULL REFERENCES concerts (id),
    starts_at BIGINT NOT NULL,
    sale_opens_at BIGINT NOT NULL,
    sale_closes_at BIGINT NOT NULL,
    seats BIGINT NOT NULL,
    currency TEXT NOT NULL
);
CREATE INDEX performances_of_concert ON performances (concert, starts_at, id);

CREATE TABLE seats (
    performance UUID NOT NULL REFERENCES performances (id),
    number BIGINT NOT NULL CHECK (number BETWEEN 1 AND 100000),
    grade TEXT NOT NULL,
    section TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    blocked BOOLEAN NOT NULL,
    PRIMARY KEY (performance, number)
);

-- From here on no table refers to performances or members: a foreign key would make all buyers of a performance share
-- a lock on its one row. Rows come only from statements that read the parent.

CREATE TABLE holds (
    id UUID PRIMARY KEY,
    performance UUID NOT NULL,
    member UUID NOT NULL,
    token UUID NOT NULL,
    -- What was asked for, as JSON: the claims may have passed to others since.
    seats TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'reserved', 'released', 'expired')),
    created_at BIGINT NOT NULL
);
CREATE INDEX holds_due ON holds (expires_at) WHERE state = 'held';

-- The last guard against a double sale: one claim a seat. A claim past its time counts for nothing and is taken over
-- by the next hold; one without a time is a sold seat.
CREATE TABLE seat_claims (
    performance UUID NOT NULL,
    seat BIGINT NOT NULL,
    hold UUID NOT NULL,
    member UUID NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (performance, seat)
);
CREATE INDEX seat_claims_of_hold ON seat_claims (hold);
CREATE INDEX seat_claims_of_member ON seat_claims (member, performance);

CREATE TABLE reservations (
    id UUID PRIMARY KEY,
    hold UUID NOT NULL CONSTRAINT reservations_hold UNIQUE,
    member UUID NOT NULL,
    performance UUID NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('awaiting_payment', 'confirmed', 'cancelled', 'expired', 'refunded')),
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX reservations_of_member ON reservations (member, created_at DESC, id DESC);
CREATE INDEX reservations_due ON reservations (expires_at) WHERE state = 'awaiting_payment';

CREATE TABLE reservation_seats (
    reservation UUID NOT NULL REFERENCES reservations (id),
    seat BIGINT NOT NULL,
    grade TEXT NOT NULL,
    section TEXT NOT NULL,
    price BIGINT NOT NULL,
    PRIMARY KEY (reservation, seat)
);

CREATE TABLE payments (
    id UUID PRIMARY KEY,
    reservation UUID NOT NULL REFERENCES reservations (id),
    member UUID NOT NULL,
    token UUID NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('completed', 'failed', 'refunded')),
    created_at BIGINT NOT NULL
);
CREATE INDEX payments_of_member ON payments (member, created_at DESC, id DESC);
CREATE UNIQUE INDEX payments_once_per_reservation ON payments (reservation) WHERE state = 'completed';
-- A token is consumed when a payment with it did not fail, also when that was refunded later.
CREATE UNIQUE INDEX payments_consume_token ON payments (token) WHERE state <> 'failed';

CREATE TABLE tickets (
    id UUID PRIMARY KEY,
    payment UUID NOT NULL REFERENCES payments (id),
    reservation UUID NOT NULL,
    performance UUID NOT NULL,
    seat BIGINT NOT NULL,
    member UUID NOT NULL,
    price BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'refunded')),
    issued_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tickets_of_reservation ON tickets (reservation, seat);
CREATE UNIQUE INDEX tickets_once_per_seat ON tickets (performance, seat) WHERE state = 'live';

CREATE TABLE accounts (
    -- A wallet has the id of its member.
    id UUID PRIMARY KEY,
    currency TEXT,
    -- Kept for wallets alone. The two accounts of the house have none: every sale would wait for the lock on that row,
    -- and their entries tell as much.
    balance BIGINT CHECK (balance >= 0),
    -- Entries so far: the order of a wallet's history.
    version BIGINT NOT NULL
);
INSERT INTO accounts (id, currency, balance, version) VALUES
    ('00000000-0000-0000-0000-000000000001', NULL, NULL, 0), -- cash: where charges come from
    ('00000000-0000-0000-0000-000000000002', NULL, NULL, 0); -- revenue: where payments go

CREATE TABLE ledger_transfers (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'payment')),
    payment UUID,
    currency TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE ledger_entries (
    transfer UUID NOT NULL REFERENCES ledger_transfers (id),
    account UUID NOT NULL,
    amount BIGINT NOT NULL,
    balance_after BIGINT,
    version BIGINT,
    PRIMARY KEY (transfer, account)
);
CREATE UNIQUE INDEX ledger_entries_of_wallet ON ledger_entries (account, version) WHERE version IS NOT NULL;

CREATE TABLE token_claims (
    token UUID PRIMARY KEY,
    queue TEXT NOT NULL,
    holder UUID NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX token_claims_ended ON token_claims (expires_at);

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    delivered_at BIGINT
);
CREATE INDEX outbox_due ON outbox (due_at, id) WHERE delivered_at IS NULL;
CREATE INDEX outbox_delivered ON outbox (delivered_at) WHERE delivered_at IS NOT NULL;

CREATE TABLE idempotency_keys (
    member UUID NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    outcome TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (member, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
