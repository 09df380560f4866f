-- Purpose  Takes in a page of a line that is handed back.
-- KEYS     of the library
-- ARGV     3 gateway, 4 epoch, 5 head of the log, 6 last_seq and 7 the last place of the invited that it knows of, 8 1 when
--          all places were wanted, 9 the place after which the page begins, 10 that with which it ends, 11 1 for the last
--          page, 12 how many places, 13 how many slots have ended, 14... the places, ascending, the tokens of these slots, and of
--          each slot that has not ended: token, visitor, sequence, admitted_at, expires_at
-- Reply    1, or 0 where somebody remembers more
if not read('noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'credit', 'credit_at', 'watermark',
  'expired_through', 'own_head', 'known_head', 'listed_seq', 'listed_invited', 'is_listed', 'expected', 'sweeping_from',
  unpack(LIFE)) then
  return false
end
local gateway, head, above, through = ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[9]), tonumber(ARGV[10])
local is_whole = ARGV[8] == '1'
if not queue.known_head or queue.epoch ~= tonumber(ARGV[4]) then
  return 0
end
local is_believed = is_whole and head == queue.known_head
if is_whole and not is_believed then
  return 0
end
if is_believed then
  set('heard_at', now())
end
if ARGV[11] == '1' then
  set('is_listed', is_believed and 1 or queue.is_listed)
  redis.call('SADD', REJOINED, gateway)
end
local is_complete = queue.is_listed == 1 and redis.call('SCARD', REJOINED) >= queue.expected

-- Whether a place was given after these: `is_given_after` of line/memory.rs.
local function is_given_after(seq, of_line, of_invited)
  if is_invited(seq) then
    return seq > of_invited
  end
  return (is_number(seq) and seq - NUMBERS_FROM or seq) > of_line
end

local first_ended = 14 + ARGV[12]
local first_slot = first_ended + ARGV[13]
local is_listed, stands = {}, {}
for i = 14, first_ended - 1 do
  is_listed[tonumber(ARGV[i])] = true
end
local within = redis.call('ZRANGEBYSCORE', LINE, '(' .. integer(above), integer(through), 'WITHSCORES')
for i = 1, #within, 2 do
  local visitor, seq = within[i], tonumber(within[i + 1])
  stands[seq] = visitor
  -- Of what was given later they do not know.
  if is_believed and not is_listed[seq] and not is_given_after(seq, tonumber(ARGV[6]), tonumber(ARGV[7])) then
    redis.call('ZREM', LINE, visitor)
    redis.call('SREM', NO_SHOWS, visitor)
    places.set_back(visitor)
    places.unready(seq)
  end
end
local unknown, restored = {}, {}
for i = 14, first_ended - 1 do
  local seq = tonumber(ARGV[i])
  local is_news = is_whole or is_given_after(seq, queue.listed_seq, INVITED_ORIGIN + queue.listed_invited)
  if is_news and not stands[seq] then
    stands[seq] = rejoining.unknown_at(seq)
    unknown[#unknown + 1] = ARGV[i]
    unknown[#unknown + 1] = stands[seq]
  end
  -- Whoever stands among places that have expired was kept alone.
  if is_news and seq <= queue.expired_through and not is_number(seq) and not redis.call('ZSCORE', AWAY, stands[seq]) then
    places.set_away(stands[seq], seq)
  end
  if is_news and seq <= (is_invited(seq) and INVITED_ORIGIN or 0) and not is_number(seq) then
    restored[#restored + 1] = ARGV[i]
    restored[#restored + 1] = ARGV[i]
  end
end
in_pieces('ZADD', LINE, unknown)
in_pieces('ZADD', GIVEN_BACK, restored)
set('has_unknown', 1)

-- What has become of slots only those know who are believed.
for i = first_ended, is_believed and first_slot - 1 or 0 do
  slots.drop(ARGV[i])
end
local remembered, has_slot = {}, {}
for i = first_slot, is_believed and #ARGV or 0, 5 do
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
  rejoining.finish()
end
save()
return 1
