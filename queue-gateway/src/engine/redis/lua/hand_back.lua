-- Purpose  Takes in a page of a line that is handed back.
-- KEYS     of the library
-- ARGV     3 gateway, 4 epoch, 5 head of the log, 6 last_seq and 7 the last place of the invited that it knows of, 8 1
--          when all places were wanted, 9 the place after which the page begins, 10 that with which it ends, 11 1 for
--          the last page, 12 how many places, 13 how many slots have ended, 14... the places, ascending, the tokens of
--          these slots, and of each slot that has not ended: token, visitor, sequence, admitted_at, expires_at, holder
--          or '-'
-- Reply    1, or 0 where somebody else tells of all places
if not read('noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'credit', 'credit_at', 'watermark',
  'expired_through', 'own_head', 'known_head', 'listed_seq', 'listed_invited', 'is_listed', unpack(LIFE)) then
  return false
end
local gateway, head, above, through = ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[9]), tonumber(ARGV[10])
local is_whole = ARGV[8] == '1'
if not queue.known_head or queue.epoch ~= tonumber(ARGV[4]) then
  return 0
end
local is_believed = is_whole and head == queue.known_head and rejoining.hearing()[gateway] == 'tells'
if is_whole and not is_believed then
  return 0
end
set('heard_at', now())
if ARGV[11] == '1' then
  set('is_listed', is_believed and 1 or queue.is_listed)
  rejoining.note_heard(gateway, 'told')
end
local is_complete = rejoining.is_complete()

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
-- Of what was given later they do not know.
local function take_out_unless_listed(visitor, seq)
  if not is_listed[seq] and not is_given_after(seq, tonumber(ARGV[6]), tonumber(ARGV[7])) then
    redis.call('ZREM', LINE, visitor)
    redis.call('SREM', NO_SHOWS, visitor)
    places.set_back(visitor)
  end
end
-- Goes through those who stand within the page, which is as long as what is told of it. Never through what has expired:
-- a million such places may not be cleared yet. Those that are kept are few.
local function go_through()
  local lasting = redis.call('ZRANGEBYSCORE', LINE, '(' .. integer(math.max(above, queue.expired_through)),
    integer(through), 'WITHSCORES')
  for i = 1, #lasting, 2 do
    local visitor, seq = lasting[i], tonumber(lasting[i + 1])
    stands[seq] = visitor
    take_out_unless_listed(visitor, seq)
  end
  local kept_through = integer(math.min(through, queue.expired_through))
  local kept = redis.call('ZRANGEBYSCORE', AWAY_PLACES, '(' .. integer(above), kept_through, 'WITHSCORES')
  for i = 1, #kept, 2 do
    take_out_unless_listed(kept[i], tonumber(kept[i + 1]))
  end
end
-- Others say nothing of whom they do not name, and a line may be long.
if is_believed then
  go_through()
end
-- Who stands here, of whom the page tells.
local function standing_at(seq)
  if is_believed and seq > queue.expired_through then
    return stands[seq]
  end
  local at = integer(seq)
  return redis.call('ZRANGEBYSCORE', LINE, at, at)[1]
end
local unknown, restored = {}, {}
for i = 14, first_ended - 1 do
  local seq = tonumber(ARGV[i])
  local is_news = is_whole or is_given_after(seq, queue.listed_seq, INVITED_ORIGIN + queue.listed_invited)
  local visitor = is_news and standing_at(seq)
  if is_news and not visitor then
    visitor = rejoining.unknown_at(seq)
    unknown[#unknown + 1] = ARGV[i]
    unknown[#unknown + 1] = visitor
  end
  -- Whoever stands among places that have expired was kept alone.
  if is_news and seq <= queue.expired_through and not is_number(seq) and not redis.call('ZSCORE', AWAY, visitor) then
    places.set_away(visitor, seq)
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
local remembered = {}
for i = first_slot, is_believed and #ARGV or 0, 6 do
  local token, visitor, seq, expires_at = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 4])
  local holder, here = ARGV[i + 5], slots.slot_of(token)
  local stored = tonumber(redis.call('ZSCORE', LINE, visitor))
  -- Since then they have joined anew, as far as who tells of the slot cannot know.
  local stands_elsewhere = stored and stored ~= seq and is_given_after(stored, tonumber(ARGV[6]), tonumber(ARGV[7]))
  -- Admitted again since under another token, which the site has claimed.
  local other = not here and slots.slot_of(redis.call('HGET', TOKENS, visitor))
  stands_elsewhere = stands_elsewhere or other and other.holder ~= '-'
  -- Whoever has claimed it here was told so.
  if here and here.holder == '-' and holder ~= '-' then
    slots.bind(here, holder)
  elseif not here and expires_at > now() and not stands_elsewhere then
    -- Admitted from there, or given the place again and admitted once more.
    redis.call('ZREM', LINE, visitor)
    redis.call('SREM', NO_SHOWS, visitor)
    places.set_back(visitor)
    slots.drop(redis.call('HGET', TOKENS, visitor))
    local line = clocks().line
    -- How far its visitor had come is not known.
    remembered[#remembered + 1] = { token = token, visitor = visitor, seq = seq, network = '-',
      admitted_at = tonumber(ARGV[i + 3]), arrive_by = line, arrived_at = line, claim_by = line + expires_at - now(),
      expires_at = expires_at, holder = holder }
  end
end
slots.occupy(remembered)
if is_complete then
  rejoining.finish()
end
save()
return 1
