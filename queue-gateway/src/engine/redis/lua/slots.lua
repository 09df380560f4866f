-- Purpose  The active set. A slot is stored as `visitor seq admitted_at claim_before expires_at holder`, with `-` for the
--          holder until somebody has claimed the token. Its deadline is claim_before until then, expires_at from then on.
local function parse(slot)
  local visitor, seq, admitted_at, claim_before, expires_at, holder =
    string.match(slot, '^(%x+) (%-?%d+) (%d+) (%d+) (%d+) (%S+)$')
  return { visitor = visitor, seq = seq, admitted_at = admitted_at, claim_before = claim_before,
    expires_at = expires_at, holder = holder }
end

-- Ends up to 1,000 slots, and forgets their visitors' connections. Returns how many were unclaimed.
local function vacate(tokens)
  local visitors, unclaimed = {}, 0
  for _, slot in ipairs(redis.call('HMGET', TOKENS, unpack(tokens))) do
    if slot then
      local parsed = parse(slot)
      visitors[#visitors + 1] = parsed.visitor
      if parsed.holder == '-' then
        unclaimed = unclaimed + 1
      end
    end
  end
  in_pieces('ZREM', ACTIVE, tokens)
  in_pieces('HDEL', TOKENS, tokens)
  in_pieces('HDEL', VISITORS, visitors)
  in_pieces('HDEL', CONNECTED, visitors)
  return unclaimed
end

local function expire(tokens)
  local unclaimed = vacate(tokens)
  if unclaimed > 0 then
    redis.call('HINCRBY', META, 'unclaimed', unclaimed)
  end
end

-- Bounded, so that a store nobody asked for an hour does not stand still at the first question. What is left over is
-- met when somebody asks for it (`live`), never counts against the cap (`room`), and goes with the next steps.
local overdue = redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', integer(now), 'LIMIT', 0, 1000)
if #overdue > 0 then
  expire(overdue)
end

-- The slot of a token as it is stored, where its deadline is still to come.
local function live(token)
  local deadline = token and redis.call('ZSCORE', ACTIVE, token)
  if not deadline then
    return nil
  end
  if tonumber(deadline) <= now then
    expire({ token })
    return nil
  end
  return redis.call('HGET', TOKENS, token)
end

-- Where a visitor stands: { 0 } absent, { 1, seq } waiting, { 2, token, slot } admitted.
local function standing(visitor)
  local seq = redis.call('ZSCORE', LINE, visitor)
  if seq then
    return { 1, tonumber(seq) }
  end
  local token = redis.call('HGET', VISITORS, visitor)
  local slot = live(token)
  if slot then
    return { 2, token, slot }
  end
  return { 0 }
end
