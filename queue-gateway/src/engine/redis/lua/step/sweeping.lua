-- Purpose  First of two parts of the step: ends what is over, some of it where there is much.
-- Forgets a gateway; its entries of the ready set go with the next sweeps.
local function forget(id)
  redis.call('HDEL', GATEWAYS, id)
  redis.call('HDEL', HISTOGRAMS, id)
  places.gateways()[id] = nil
  set('sweeping_from', FIRST)
end

-- The parts of an entry of the ready set: whether its gateway still stands by it, when its visitor is due in line time,
-- and the network.
local function parse(member, entry)
  local registration, due, network = string.match(entry, '^(%d+) (%d+) (%S+)$')
  local of = places.gateways()[string.sub(member, 34)]
  return of and of.registration == registration, tonumber(due), network
end

-- The entries of some members of the ready set.
local function entries_of(members)
  return #members > 0 and redis.call('HMGET', ENTRIES, unpack(members)) or {}
end

-- Drops some entries of gone gateways.
local function sweep_entries()
  if queue.sweeping_from >= LAST then
    return
  end
  local from = integer(queue.sweeping_from)
  local some = redis.call('ZRANGEBYSCORE', READY, from, '+inf', 'WITHSCORES', 'LIMIT', 0, MOST_SWEPT)
  set('sweeping_from', #some == 2 * MOST_SWEPT and tonumber(some[#some]) or LAST)
  local members = {}
  for i = 1, #some, 2 do
    members[#members + 1] = some[i]
  end
  local entries = entries_of(members)
  for i, member in ipairs(members) do
    if not parse(member, entries[i]) then
      places.drop_entry(member, tonumber(some[2 * i]))
    end
  end
end

-- Ends some slots that are overdue by one of the clocks.
local function finish_overdue(key, clock)
  local tokens, overdue = redis.call('ZRANGEBYSCORE', key, '-inf', integer(clock), 'LIMIT', 0, MOST_SWEPT), {}
  if #tokens > 0 then
    for i, stored in ipairs(redis.call('HMGET', SLOTS, unpack(tokens))) do
      overdue[i] = slots.parse(tokens[i], stored)
    end
    slots.finish(overdue)
  end
end

-- Ends the places of some who have been away for too long.
local function depart_overdue()
  if places.is_suspended() then
    return
  end
  local visitors = redis.call('ZRANGEBYSCORE', AWAY, '-inf', integer(clocks().grace), 'LIMIT', 0, MOST_SWEPT)
  for _, visitor in ipairs(visitors) do
    places.depart(visitor, tonumber(redis.call('ZSCORE', LINE, visitor)))
    slots.note_lost(visitor, 'passed')
  end
end

-- Lets the places expire that were passed too long ago and that nobody has come back to.
local function expire_passed()
  local through = places.over_through()
  if through == queue.expired_through then
    return
  end
  local kept = places.kept_places(queue.expired_through, through, MOST_SWEPT + 1)
  if #kept > MOST_SWEPT then
    -- A log entry has a bound: what is left of the stretches goes with the next step.
    kept[#kept] = nil
    through = kept[#kept]
  end
  local oldest = redis.call('LINDEX', PASSED, 0)
  while oldest and tonumber(string.match(oldest, '%S+$')) <= through do
    redis.call('LPOP', PASSED)
    oldest = redis.call('LINDEX', PASSED, 0)
  end
  set('expired_through', through)
  local entry = { 'expired', integer(through) }
  for i, seq in ipairs(kept) do
    entry[i + 2] = integer(seq)
  end
  log(table.concat(entry, ' '))
end

-- Stops storing some of the places that have expired.
local function clear_expired()
  local given_back = redis.call('ZCOUNT', GIVEN_BACK, '-inf', integer(queue.expired_through))
  if given_back > 0 then
    redis.call('ZREMRANGEBYRANK', GIVEN_BACK, 0, math.min(given_back, MOST_SWEPT) - 1)
  end
  local from, through = queue.cleared_through, queue.expired_through
  if from >= through then
    return
  end
  local some = redis.call('ZRANGEBYSCORE', LINE, '(' .. integer(from), integer(through), 'WITHSCORES', 'LIMIT', 0,
    MOST_SWEPT)
  through = #some == 2 * MOST_SWEPT and tonumber(some[#some]) or through
  set('cleared_through', through)
  local kept, gone = {}, {}
  for _, seq in ipairs(places.kept_places(from, through, MOST_SWEPT)) do
    kept[seq] = true
  end
  for i = 1, #some, 2 do
    if not kept[tonumber(some[i + 1])] then
      gone[#gone + 1] = some[i]
    end
  end
  in_pieces('ZREM', LINE, gone)
end

-- Ends what is over: some of it, where there is much.
local function sweep()
  local at = clocks()
  for id, of in pairs(places.gateways()) do
    if of.at < at.line - GATEWAY_LIVES then
      forget(id)
    end
  end
  local over = integer(at.now - OUTCOMES_LAST)
  for _, network in ipairs(redis.call('ZRANGEBYSCORE', HELD_BACK, '-inf', over, 'LIMIT', 0, MOST_SWEPT)) do
    slots.note_network(network, 0, 0)
  end
  local used = integer(at.now - USED_OUTLIVES)
  in_pieces('ZREM', INVITATIONS, redis.call('ZRANGEBYSCORE', INVITATIONS, '-inf', used, 'LIMIT', 0, MOST_SWEPT))
  finish_overdue(DEADLINES, at.line)
  finish_overdue(EXPIRIES, at.now)
  depart_overdue()
  expire_passed()
  clear_expired()
  sweep_entries()
end
