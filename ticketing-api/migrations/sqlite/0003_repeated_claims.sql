-- The gateway's store may forget a claim. It is told again from here, with the signed token, which proves the slot also to a
-- store that has lost it. Both are NULL where nothing is left to tell: the token has ended, or is about to.
ALTER TABLE token_claims ADD COLUMN active_token TEXT;
ALTER TABLE token_claims ADD COLUMN repeat_at INTEGER;
CREATE INDEX token_claims_repeated ON token_claims (repeat_at) WHERE repeat_at IS NOT NULL;
