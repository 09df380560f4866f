-- Purpose  Gives visitors places, one after another: a fresh one, the one they have, or their place of an older epoch;
--          or numbers, before an opening by draw. Admits them at once where nobody present waits and there is room.
--          Joins come in crowds, so what every join needs is read once for all of them, fresh places are written
--          together, and nothing is read that no join needs.
-- KEYS     of the library
-- ARGV     from 3 on, two of each join: visitor, and what there is to say of it, '' for nothing, else `epoch seq
--          candidate network invitation expires_at`, with `-` for what is not there: the place that they hold, the
--          token for an admission at once (none without a contact) and the contact's network, the invitation and its
--          expiry
-- Reply    { epoch, { of each join: the sequence of a fresh place, a refusal (0 when the line is full, -1 before joins
--          are taken, -2 while the queue drains, -3 when it is closed, -4 when the invitation has expired, -5 when it
--          has been used, -6 while the line is being given back), or else { 1 when the place is fresh, standing } } }
if not read('max_places', 'watermark', 'last_seq', 'has_unknown', unpack(LIFE)) then
  return false
end
local visitors = {}
for first = 3, #ARGV, 2 do
  visitors[#visitors + 1] = ARGV[first]
end
if rejoins() then
  -- Somebody may know of places that were given already.
  local refused = {}
  for i in ipairs(visitors) do
    refused[i] = -6
  end
  return { queue.epoch, refused }
end
local scores = redis.call('ZMSCORE', LINE, unpack(visitors))
local tokens = redis.call('HMGET', TOKENS, unpack(visitors))
-- The invited are not counted: their places do not expire.
local function general_length()
  return redis.call('ZCOUNT', LINE, '-inf', '(' .. integer(INVITED))
end
local length = general_length()
local refusal = no_joins(false)
close_numbers()
-- Those whose join has been done, so that what was read of them is too old.
local done = {}

-- They have a place again, and may lose it for a reason that is not noted.
local function forget_lost(these)
  if redis.call('HDEL', LOST, unpack(these)) > 0 then
    redis.call('ZREM', LOST_ORDER, unpack(these))
  end
end

-- Fresh places that are not in the line yet, and whose they are.
local fresh, newcomers = {}, {}

-- Comes before whatever looks at the line or at what was lost. The numbers first: what a script has written stays when
-- it fails at somebody whose entry cannot be read, and no number may then be given twice.
local function write_fresh()
  save()
  if #newcomers > 0 then
    forget_lost(newcomers)
    redis.call('ZADD', LINE, unpack(fresh))
    fresh, newcomers = {}, {}
  end
end

-- Whether somebody who is present waits, or may: one who has just joined may be there, and no gateway has said so yet.
-- Joins change nothing about it once it is so, unless one meets something that is over.
local somebody_waits = false
local function does_somebody_wait()
  if not somebody_waits then
    write_fresh()
    local known = places.known_through()
    somebody_waits = queue.is_reported == 0 or redis.call('EXISTS', READY) == 1 or places.covered() < LAST
      or known < LAST
      and redis.call('ZRANGEBYSCORE', LINE, '(' .. integer(known), '(' .. integer(INVITED), 'LIMIT', 0, 1)[1]
  end
  return somebody_waits
end

-- Whether somebody who comes now need not wait. Gives credit for the time since the last step.
local function may_go_straight_in(invited, candidate, network)
  if not admits(invited) or does_somebody_wait() or slots.withholds(network)
    or redis.call('HEXISTS', SLOTS, candidate) == 1 then
    return false
  end
  read('rate', 'rate_override', 'cap', 'cap_override', 'credit', 'credit_at', 'noted_at', 'line_time', 'grace_time',
    'log_head', 'admitted', 'arrive', 'claim', 'active')
  accrue(true)
  return queue.credit >= 1 and slots.room(slots.count()) >= 1
end

-- Whether the queue opens by a draw: as the first of all joins has settled, or will.
local draws
local function is_to_draw()
  if draws == nil then
    draws = queue.numbering == 1
    if not queue.numbering and queue.last_seq == 0 and now() < opens_at() then
      local openings = redis.call('HMGET', META, 'opening_override', 'opening')
      draws = (openings[1] or openings[2]) == 'draw'
    end
  end
  return draws
end

-- Settles with the first of all joins how the queue opens, and where the beacon of a draw comes from.
local function settle_opening()
  if queue.last_seq > 0 then
    return
  end
  set('numbering', is_to_draw() and 1 or 0)
  local source = is_to_draw() and redis.call('HGET', META, 'beacon_source')
  if source then
    redis.call('HSET', META, 'draw_source', source)
  end
end

-- An invitation gives a place once, before it expires. Returns a refusal, or nil.
local function refused_invitation(invitation)
  if invitation.expires_at <= now() then
    return -4
  end
  return redis.call('ZSCORE', INVITATIONS, invitation.id) and -5 or nil
end

-- Comes after all that may fail, since what a script has written stays when it does.
local function use_up(invitation)
  redis.call('ZADD', INVITATIONS, integer(invitation.expires_at), invitation.id)
end

-- Admits somebody who has no place in the line. Returns the reply.
local function go_straight_in(seq, visitor, candidate, network)
  forget_lost({ visitor })
  local slot = slots.admit(seq, visitor, candidate, network, clocks().line)
  slots.occupy({ slot })
  places.note_passed()
  return { 1, slots.admitted(slot) }
end

-- Gives a place in the lane of the invited for the one in the general line, or for none. Returns the reply.
local function join_invited(visitor, before, straight_in, candidate, network)
  if before then
    places.depart(visitor, before)
    length, somebody_waits = general_length(), false
  end
  set('last_invited', queue.last_invited + 1)
  local seq = INVITED_ORIGIN + queue.last_invited
  if straight_in then
    return go_straight_in(seq, visitor, candidate, network)
  end
  save()
  forget_lost({ visitor })
  redis.call('ZADD', LINE, integer(seq), visitor)
  log('invited ' .. integer(seq))
  return seq
end

-- The place that a visitor says they hold, how they can be admitted at once, and what invites them: nil for what is not
-- there.
local function read_request(text)
  if text == '' then
    return
  end
  local epoch, seq, candidate, network, invitation, expires_at =
    string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
  return tonumber(epoch), tonumber(seq), candidate ~= '-' and candidate or nil, network,
    invitation ~= '-' and { id = invitation, expires_at = tonumber(expires_at) } or nil
end

local function join(visitor, score, token, held_epoch, held_seq, candidate, network, invitation)
  local seq, is_bid = tonumber(score), invitation ~= nil
  if queue.has_unknown == 1 and not seq and not token and held_epoch == queue.epoch then
    write_fresh()
    seq = rejoining.name(visitor, held_seq) and held_seq or nil
  end
  -- A place that nobody has passed cannot be over, and its visitor has no slot.
  if seq and seq > queue.watermark and (not is_bid or is_invited(seq)) then
    return { 0, { 1, seq } }
  end
  if seq or token then
    write_fresh()
    local slot
    seq, slot = slots.settle(visitor)
    length, somebody_waits = general_length(), false
    if slot or seq and (not is_bid or is_invited(seq)) then
      return { 0, seq and { 1, seq } or slots.admitted(slot) }
    end
  end

  if held_epoch and held_epoch < queue.epoch and not seq and (not is_bid or is_invited(held_seq)) then
    local held = held_epoch - queue.epoch + held_seq
    -- A number of a draw that is lost says nothing, and a draw begins with nobody before it: everybody gets a number,
    -- or a fresh place.
    local is_place = is_invited(held) or not is_number(held_seq) and not is_to_draw()
    -- Once: whoever has had their turn would be at the front again, and two visitors at one place would make positions
    -- wrong for all. They get a fresh place.
    if is_place and held <= (is_invited(held) and INVITED_ORIGIN or 0) and held > places.over_through()
      and redis.call('ZADD', GIVEN_BACK, integer(held), integer(held)) == 1 then
      forget_lost({ visitor })
      redis.call('ZADD', LINE, integer(held), visitor)
      length = length + (is_invited(held) and 0 or 1)
      log('restored ' .. integer(held))
      if places.is_passed(held) then
        places.set_away(visitor, held)
      end
      rejoining.await_the_others()
      if is_bid then
        -- The store that knew has lost it.
        use_up(invitation)
      end
      return { 0, { 1, held } }
    end
  end

  if is_bid then
    local no_places = no_joins(true)
    if no_places then
      -- Whoever has a place keeps it, and the invitation.
      return seq and { 0, { 1, seq } } or no_places
    end
    local refused = refused_invitation(invitation)
    if refused then
      return refused
    end
    local straight_in = candidate and may_go_straight_in(true, candidate, network)
    use_up(invitation)
    return join_invited(visitor, seq, straight_in, candidate, network)
  end
  if refusal then
    return refusal
  end
  local straight_in = candidate and may_go_straight_in(false, candidate, network)
  -- Whoever goes straight in takes no place in the line, and passes a line that is full of people who are not there.
  local gives_number = queue.numbering == 1 and not queue.numbers
  local all_given = gives_number and queue.last_seq >= MOST_NUMBERS_PER_PLACE * queue.max_places
  if not straight_in and (length >= queue.max_places or all_given) then
    return 0
  end
  settle_opening()
  local offset = queue.numbering == 1 and not queue.numbers and NUMBERS_FROM or 0
  set('last_seq', queue.last_seq + 1)
  if straight_in then
    return go_straight_in(queue.last_seq, visitor, candidate, network)
  end
  length = length + 1
  newcomers[#newcomers + 1] = visitor
  fresh[#fresh + 1] = integer(queue.last_seq + offset)
  fresh[#fresh + 1] = visitor
  return queue.last_seq + offset
end

local replies = {}
for i, visitor in ipairs(visitors) do
  if done[visitor] then
    write_fresh()
    scores[i], tokens[i] = redis.call('ZSCORE', LINE, visitor), redis.call('HGET', TOKENS, visitor)
  end
  done[visitor] = true
  replies[i] = join(visitor, scores[i], tokens[i], read_request(ARGV[2 * i + 2]))
end
write_fresh()
return { queue.epoch, replies }
