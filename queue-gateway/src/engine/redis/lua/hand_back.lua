-- Purpose  Takes in a page of a line that is handed back.
-- KEYS     of the library
-- ARGV     3 gateway, 4 epoch, 5 head of the log, 6 the place after which the page begins, 7 that with which it ends, 8 1 for
--          the last page, 9 how many places, 10... the places, ascending, then of each slot: token, visitor, sequence,
--          admitted_at, expires_at
-- Reply    1, or 0 where somebody remembers more
if not read('noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'credit', 'credit_at', 'watermark',
  'expired_through', 'known_head', 'listed_through', 'is_listed', 'expected', unpack(LIFE)) then
  return false
end
local gateway, head, above, through = ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if not queue.known_head or queue.epoch ~= tonumber(ARGV[4]) then
  return 0
end
local is_newest = head == queue.known_head
if not is_newest and above < queue.listed_through then
  return 0
end
if ARGV[8] == '1' then
  set('is_listed', is_newest and 1 or queue.is_listed)
  redis.call('SADD', REJOINED, gateway)
end
local is_complete = queue.is_listed == 1 and redis.call('SCARD', REJOINED) >= queue.expected

local first_slot = 10 + ARGV[9]
local is_listed, stands = {}, {}
for i = 10, first_slot - 1 do
  is_listed[tonumber(ARGV[i])] = true
end
local within = redis.call('ZRANGEBYSCORE', LINE, '(' .. integer(above), integer(through), 'WITHSCORES')
for i = 1, #within, 2 do
  local visitor, seq = within[i], tonumber(within[i + 1])
  stands[seq] = true
  if is_newest and not is_listed[seq] then
    redis.call('ZREM', LINE, visitor)
    redis.call('SREM', NO_SHOWS, visitor)
    places.set_back(visitor)
    places.unready(seq)
  end
end
local unknown, restored = {}, {}
for i = 10, first_slot - 1 do
  local seq = tonumber(ARGV[i])
  if not stands[seq] then
    unknown[#unknown + 1] = ARGV[i]
    unknown[#unknown + 1] = places.unknown_at(seq)
  end
  if seq <= (is_invited(seq) and INVITED_ORIGIN or 0) and not is_number(seq) then
    restored[#restored + 1] = ARGV[i]
    restored[#restored + 1] = ARGV[i]
  end
end
in_pieces('ZADD', LINE, unknown)
in_pieces('ZADD', GIVEN_BACK, restored)
redis.call('HSET', META, 'has_unknown', 1)

local remembered, has_slot = {}, {}
for i = first_slot, #ARGV, 5 do
  local token, visitor, expires_at = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 4])
  local is_known = redis.call('HEXISTS', SLOTS, token) == 1 or redis.call('HEXISTS', TOKENS, visitor) == 1
    or redis.call('ZSCORE', LINE, visitor) or has_slot[visitor]
  if not is_known and expires_at > now() then
    has_slot[visitor] = true
    local line = clocks().line
    -- How far its visitor had come is not known.
    remembered[#remembered + 1] = { token = token, visitor = visitor, seq = tonumber(ARGV[i + 2]), network = '-',
      admitted_at = tonumber(ARGV[i + 3]), arrive_by = line, arrived_at = line, claim_by = line + expires_at - now(),
      expires_at = expires_at, holder = '-' }
  end
end
slots.occupy(remembered)
if is_complete then
  places.end_rejoining()
end
save()
return 1
