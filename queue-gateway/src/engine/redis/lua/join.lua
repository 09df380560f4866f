-- Purpose  Gives a visitor a place, the place they have, or their place of an older epoch; admits them at once where
--          nobody present waits and there is room. Reads no more than the case at hand needs: joins come in crowds.
-- KEYS     of the library
-- ARGV     3 visitor, 4 candidate token, 5 epoch of the place they hold ('' for none), 6 its sequence,
--          7 network of the contact, '-' for one that cannot be told, '' without a contact
-- Reply    { epoch, 1 when the place is fresh, standing }, or 0 when the line is full
if not read('max_places', 'watermark') then
  return false
end
local visitor, candidate, network = ARGV[3], ARGV[4], ARGV[7]

local seq, stored = unpassed_place(visitor)
if seq then
  return { queue.epoch, 0, { 1, seq } }
end
if stored or redis.call('HEXISTS', TOKENS, visitor) == 1 then
  local slot
  seq, slot = slots.settle(visitor)
  if seq or slot then
    save()
    return { queue.epoch, 0, seq and { 1, seq } or slots.admitted(slot) }
  end
end

-- They have a place again, and may lose it for a reason that is not noted.
local function forget_lost()
  if redis.call('HDEL', LOST, visitor) == 1 then
    redis.call('ZREM', LOST_ORDER, visitor)
  end
end

local held_epoch = tonumber(ARGV[5])
if held_epoch and held_epoch < queue.epoch then
  local held = held_epoch - queue.epoch + tonumber(ARGV[6])
  -- Once: whoever has had their turn would be at the front again, and two visitors at one place would make positions
  -- wrong for all. They get a fresh place.
  if held <= 0 and held > places.over_through()
    and redis.call('ZADD', GIVEN_BACK, integer(held), integer(held)) == 1 then
    forget_lost()
    redis.call('ZADD', LINE, integer(held), visitor)
    log('restored ' .. integer(held))
    if places.is_passed(held) then
      places.set_away(visitor, held)
    end
    save()
    return { queue.epoch, 0, { 1, held } }
  end
end

-- Whether somebody who comes now need not wait. Gives credit for the time since the last step.
local function may_go_straight_in()
  if redis.call('EXISTS', READY) == 1 or places.covered() < LAST or slots.withholds(network)
    or redis.call('HEXISTS', SLOTS, candidate) == 1 then
    return false
  end
  -- Somebody who has just joined may be there, and no gateway has said so yet.
  local known = places.known_through()
  if known < LAST
    and #redis.call('ZRANGEBYSCORE', LINE, '(' .. integer(known), '+inf', 'LIMIT', 0, 1) > 0 then
    return false
  end
  read('paused', 'rate', 'rate_override', 'cap', 'cap_override', 'credit', 'credit_at', 'noted_at', 'line_time',
    'grace_time', 'log_head', 'admitted', 'arrive', 'claim', 'active')
  accrue(true)
  return queue.credit >= 1 and slots.room(slots.count()) >= 1
end

local straight_in = network ~= '' and may_go_straight_in()
-- Whoever goes straight in takes no place in the line, and passes a line that is full of people who are not there.
if not straight_in and redis.call('ZCARD', LINE) >= queue.max_places then
  save()
  return 0
end

forget_lost()
seq = redis.call('HINCRBY', META, 'last_seq', 1)
if straight_in then
  local slot = slots.admit(seq, visitor, candidate, network, clocks().line)
  slots.occupy({ slot })
  places.note_passed()
  save()
  return { queue.epoch, 1, slots.admitted(slot) }
end
redis.call('ZADD', LINE, integer(seq), visitor)
save()
return { queue.epoch, 1, { 1, seq } }
