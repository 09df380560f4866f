-- Purpose  Reads one page of the slots that have not ended.
-- KEYS     of the library
-- ARGV     3 expiry with which to begin ('-inf' for the first), 4 most slots
-- Reply    { of each: token, visitor, sequence, admitted_at, expires_at, holder or '-' }, by expiry
if not read('log_head') then
  return false
end
local tokens = redis.call('ZRANGEBYSCORE', EXPIRIES, ARGV[3], '+inf', 'LIMIT', 0, ARGV[4])
local page = {}
for first = 1, #tokens, 1000 do
  local some = { unpack(tokens, first, math.min(first + 999, #tokens)) }
  for i, stored in ipairs(redis.call('HMGET', SLOTS, unpack(some))) do
    local slot = slots.parse(some[i], stored)
    page[#page + 1] = { slot.token, slot.visitor, slot.seq, slot.admitted_at, slot.expires_at, slot.holder }
  end
end
return page
