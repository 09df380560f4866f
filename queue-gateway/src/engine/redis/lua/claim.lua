-- Purpose  Binds a live slot to its first holder; readmits a visitor of an older epoch.
-- ARGV     3 token, 4 holder, 5 epoch of the readmission ('' for none), 6 its visitor, 7 its expiry
-- Reply    { 0 } gone, { 1, expires_at } bound, { 2 } held by another
local token, holder = ARGV[3], ARGV[4]

local slot = live(token)
if slot then
  local parsed = parse(slot)
  if parsed.holder ~= '-' and parsed.holder ~= holder then
    return { 2 }
  end
  if parsed.holder == '-' then
    redis.call('HSET', TOKENS, token, string.sub(slot, 1, -2) .. holder)
    redis.call('ZADD', ACTIVE, parsed.expires_at, token)
  end
  return { 1, tonumber(parsed.expires_at) }
end

local old_epoch, visitor, expires_at = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
if not old_epoch or old_epoch >= epoch or expires_at <= now then
  return { 0 }
end
local where = standing(visitor)
if where[1] == 2 then
  return { 0 }
end
local seq = where[2]
if seq then
  redis.call('ZREM', LINE, visitor)
end
occupy({ { token = token, visitor = visitor, seq = seq or 0, claim_before = expires_at, expires_at = expires_at,
  holder = holder, deadline = expires_at } }, seq)
save()
return { 1, expires_at }
