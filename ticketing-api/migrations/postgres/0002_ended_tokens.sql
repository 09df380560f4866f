-- Active tokens that are good for nothing any more although they have not expired: a payment was completed with it, or
-- its holder left. One row a token: who comes first decides.
CREATE TABLE ended_tokens (
    token UUID PRIMARY KEY,
    reason TEXT NOT NULL CHECK (reason IN ('paid', 'left')),
    ended_at BIGINT NOT NULL,
    -- When the token ends by itself, and the row can go; NULL where it is not known.
    expires_at BIGINT
);
CREATE INDEX ended_tokens_expired ON ended_tokens (expires_at);

INSERT INTO ended_tokens (token, reason, ended_at, expires_at)
SELECT p.token, 'paid', p.created_at, c.expires_at
FROM payments p LEFT JOIN token_claims c ON c.token = p.token WHERE p.state <> 'failed';
DROP INDEX payments_consume_token;

-- With which token a reservation was made: leaving cancels it. (The hold's can be an earlier one.)
ALTER TABLE reservations ADD COLUMN token UUID;
UPDATE reservations SET token = (SELECT h.token FROM holds h WHERE h.id = reservations.hold);
ALTER TABLE reservations ALTER COLUMN token SET NOT NULL;

CREATE INDEX holds_of_token ON holds (token) WHERE state = 'held';
CREATE INDEX reservations_of_token ON reservations (token) WHERE state = 'awaiting_payment';
