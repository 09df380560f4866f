-- Purpose  One gateway's step: sweeps, takes in what the gateway reports, admits, and says what is new.
-- KEYS     of the library
-- ARGV     3 gateway, 4 number of the report, 5 phase (begins, goes_on, ends), 6 covers, 7 newest,
--          8 reach ('-' for none), 9 wanted, 10 histogram, 11 epoch, 12 index of the log after which to begin, 13 most
--          entries, 14 how many are gone, 15 how many are ready, 16... visitor and sequence of each who is gone, then
--          visitor, sequence, network ('-' for none) and due (microseconds from now) of each who is ready, then
--          candidate tokens
-- Reply    { admitted, 1 when the gateway was known, the number of its report before or -1, horizon, withheld, networks
--          held back, histograms, tail, stats }
if not read('last_seq', 'log_head', 'noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'cap',
  'cap_override', 'credit', 'credit_at', 'watermark', 'expired_through', 'cleared_through', 'sweeping_from', 'horizon',
  'registrations', 'withheld', 'admitted', 'arrived', 'no_shows', 'not_claimed', 'arrive', 'claim', 'active',
  'grace', unpack(LIFE)) then
  return false
end
local gateway, number, phase = ARGV[3], ARGV[4], ARGV[5]
local first_gone, first_ready = 16, 16 + 2 * ARGV[14]
local first_candidate = first_ready + 4 * ARGV[15]
local known = places.gateways()
local previous = known[gateway] and known[gateway].number or -1

-- Forgets a gateway; its entries of the ready set go with the next sweeps.
local function forget(id)
  redis.call('HDEL', GATEWAYS, id)
  redis.call('HDEL', HISTOGRAMS, id)
  known[id] = nil
  set('sweeping_from', FIRST)
end

-- The parts of an entry of the ready set: whether its gateway still stands by it, when its visitor is due in line time,
-- and the network.
local function parse(member, entry)
  local registration, due, network = string.match(entry, '^(%d+) (%d+) (%S+)$')
  local of = known[string.sub(member, 34)]
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
  for id, of in pairs(known) do
    if of.at < at.line - GATEWAY_LIVES then
      forget(id)
    end
  end
  local over = integer(at.now - OUTCOMES_LAST)
  for _, network in ipairs(redis.call('ZRANGEBYSCORE', HELD_BACK, '-inf', over, 'LIMIT', 0, MOST_SWEPT)) do
    slots.note_network(network, 0, 0)
  end
  finish_overdue(DEADLINES, at.line)
  finish_overdue(EXPIRIES, at.now)
  depart_overdue()
  expire_passed()
  clear_expired()
  sweep_entries()
end

-- Takes note of the report, and registers the gateway if it is not known. Returns its registration.
local function hear()
  local registration = known[gateway] and known[gateway].registration
  if not registration then
    set('registrations', queue.registrations + 1)
    registration = integer(queue.registrations)
  end
  local at, covers, newest, reach = clocks().line, ARGV[6], ARGV[7], ARGV[8]
  known[gateway] = { registration = registration, number = tonumber(number), at = at, covers = tonumber(covers),
    newest = tonumber(newest), reach = tonumber(reach) }
  redis.call('HSET', GATEWAYS, gateway, places.written(known[gateway]))
  redis.call('HSET', HISTOGRAMS, gateway, ARGV[10])
  return registration
end

local function take_out_gone()
  for i = first_gone, first_ready - 1, 2 do
    local member, seq = ARGV[i] .. ':' .. gateway, tonumber(ARGV[i + 1])
    if tonumber(redis.call('ZSCORE', READY, member)) == seq then
      places.drop_entry(member, seq)
    end
  end
end

-- Those who are reported ready and stand where they are reported: { visitor, seq, network, due in line time }.
local function reported()
  local found = {}
  for first = first_ready, first_candidate - 1, 4000 do
    local visitors = {}
    for i = first, math.min(first + 3996, first_candidate - 1), 4 do
      visitors[#visitors + 1] = ARGV[i]
    end
    for i, stored in ipairs(redis.call('ZMSCORE', LINE, unpack(visitors))) do
      local at = first + 4 * (i - 1)
      local seq = tonumber(ARGV[at + 1])
      if tonumber(stored) == seq and not is_number(seq) and (not places.is_passed(seq) or places.place_of(visitors[i])) then
        found[#found + 1] = { visitor = visitors[i], seq = seq, network = ARGV[at + 2],
          due = clocks().line + ARGV[at + 3] }
      end
    end
  end
  return found
end

-- Puts visitors into the ready set. Returns how many were refused, by network.
local function take_in_ready(registration)
  local found, lowest, refused, scores, entries = reported(), {}, {}, {}, {}
  -- Of a network that is held back and has no slot, one at a time: the next would be dropped as soon as it has one.
  for _, ready in ipairs(found) do
    if slots.slots_if_held_back(ready.network) == 0 then
      lowest[ready.network] = math.min(lowest[ready.network] or LAST, ready.seq)
    end
  end
  for _, ready in ipairs(found) do
    local seq, network = ready.seq, ready.network
    if slots.slots_if_held_back(network) and lowest[network] ~= seq then
      refused[network] = (refused[network] or 0) + 1
    else
      local member = ready.visitor .. ':' .. gateway
      if places.is_passed(seq) and not places.is_ready(seq) then
        places.set_back(ready.visitor)
        log('ready ' .. integer(seq))
        -- At once: a visitor who is named twice comes back once.
        redis.call('ZADD', READY, integer(seq), member)
      end
      scores[#scores + 1] = integer(seq)
      scores[#scores + 1] = member
      entries[#entries + 1] = member
      entries[#entries + 1] = registration .. ' ' .. integer(ready.due) .. ' ' .. network
    end
  end
  in_pieces('ZADD', READY, scores)
  in_pieces('HSET', ENTRIES, entries)
  return refused
end

-- Returns whether the store knows the gateway, and so believes its report; and how many were refused, by network.
local function take_in()
  local before, refused = known[gateway], {}
  if phase == 'goes_on' and not before or tonumber(ARGV[11]) ~= queue.epoch then
    return false, refused
  elseif before and tonumber(number) <= before.number then
    -- A later report was taken in, and this one would bring back who has gone.
    return true, refused
  end
  places.is_suspended()
  if phase ~= 'goes_on' and before then
    forget(gateway)
  end
  if phase ~= 'ends' then
    local registration = hear()
    take_out_gone()
    refused = take_in_ready(registration)
  end
  if phase ~= 'goes_on' then
    -- What it reported before it ended or began anew, and does not report now.
    sweep_entries()
  end
  return true, refused
end

-- The candidates that are free, one after another: one in use is a repeated call's, and giving it out twice would end a
-- live slot.
local function free_candidates()
  local next_up, used, chosen = first_candidate, {}, {}
  return function()
    while next_up <= #ARGV do
      local offset = (next_up - first_candidate) % 100
      if offset == 0 then
        used = redis.call('HMGET', SLOTS, unpack(ARGV, next_up, math.min(next_up + 99, #ARGV)))
      end
      local candidate = ARGV[next_up]
      next_up = next_up + 1
      if not used[offset + 1] and not chosen[candidate] then
        chosen[candidate] = true
        return candidate
      end
    end
    return nil
  end
end

-- How many gateways are registered.
local function gateway_count()
  local count = 0
  for _ in pairs(known) do
    count = count + 1
  end
  return count
end

-- Admits the lowest of the ready set, as far as credit, cap and candidates allow. Returns how many.
local function admit_ready(active)
  local most, through = math.min(slots.room(active), #ARGV - first_candidate + 1), integer(places.known_through())
  local candidates, droppable, admitted, visitors, last = free_candidates(), MOST_SWEPT, {}, {}, nil
  local candidate, gateway_limit = most > 0 and candidates(), gateway_count() + 1
  while candidate do
    local limit = math.min(most - #admitted, 1000) + gateway_limit
    local page = redis.call('ZRANGEBYSCORE', READY, '-inf', through, 'WITHSCORES', 'LIMIT', 0, limit)
    -- A visitor whose entries may go on beyond the page is left to the next one.
    if #page == 2 * limit then
      local cut = page[#page]
      while #page > 0 and page[#page] == cut do
        page[#page], page[#page - 1] = nil, nil
      end
    end
    local members, taken = {}, {}
    for i = 1, #page, 2 do
      members[#members + 1] = page[i]
    end
    local entries = entries_of(members)
    -- When the next poll of a visitor is due at any gateway: the time to arrive begins no earlier.
    local function latest_due(i, due)
      local j = i + 1
      while members[j] and page[2 * j] == page[2 * i] do
        local is_standing, other = parse(members[j], entries[j])
        due = is_standing and math.max(due, other) or due
        j = j + 1
      end
      return due
    end
    for i, member in ipairs(members) do
      local seq = tonumber(page[2 * i])
      if seq == last then
        -- The same visitor at another gateway.
        taken[#taken + 1] = member
      else
        local is_standing, due, network = parse(member, entries[i])
        if is_standing and not slots.withholds(network) then
          local visitor = string.sub(member, 1, 32)
          taken[#taken + 1] = member
          visitors[#visitors + 1] = visitor
          admitted[#admitted + 1] = slots.admit(seq, visitor, candidate, network, latest_due(i, due))
          last = seq
          candidate = #admitted < most and candidates()
        elseif droppable > 0 then
          droppable = droppable - 1
          set('withheld', queue.withheld + (is_standing and 1 or 0))
          places.drop_entry(member, seq)
        else
          candidate = nil
        end
      end
      if not candidate then
        break
      end
    end
    in_pieces('ZREM', READY, taken)
    in_pieces('HDEL', ENTRIES, taken)
    if #members == 0 then
      break
    end
  end
  if last then
    places.unready(last)
  end
  in_pieces('ZREM', LINE, visitors)
  slots.occupy(admitted)
  places.note_passed()
  return #admitted
end

-- Moves the horizon so that about as many are ready as the gateway wants, and not below the watermark: whoever was
-- passed and is there has to be ready, or the place would expire.
local function move_horizon()
  local wanted, lowest = tonumber(ARGV[9]), LAST
  for _, of in pairs(known) do
    lowest = math.min(lowest, of.reach or LAST)
  end
  if redis.call('ZCARD', READY) >= wanted then
    local function place_of(nth)
      local at = integer(math.max(nth - 1, 0))
      return tonumber(redis.call('ZRANGE', READY, at, at, 'WITHSCORES')[2])
    end
    -- It widens only when there are fewer: otherwise a lone gateway that begins with its lowest would have to report
    -- everybody it has in its second step. But the first that are wanted must be within it, or those who are ready beyond
    -- it would wait for ever.
    lowest = math.min(math.max(math.min(queue.horizon, lowest), place_of(wanted) or -LAST), place_of(2 * wanted) or LAST)
  end
  set('horizon', math.max(lowest, queue.watermark))
end

local function histograms()
  local ids = {}
  for id in pairs(known) do
    ids[#ids + 1] = id
  end
  table.sort(ids)
  return #ids > 0 and redis.call('HMGET', HISTOGRAMS, unpack(ids)) or {}
end

-- The networks that the reply names, ascending: those with an unclaimed slot, and those of whom somebody was refused.
-- Who is refused from one that has no room here is counted instead. Their text sorts alike in every locale: digits of
-- one width, with the same signs between them.
local function held_back(refused)
  local named, is_named = redis.call('ZRANGE', WITHHELD, 0, MOST_HELD_BACK - 1), {}
  for _, network in ipairs(named) do
    is_named[network] = true
  end
  for network in pairs(refused) do
    if not is_named[network] then
      named[#named + 1] = network
      is_named[network] = true
    end
  end
  table.sort(named)
  for i = #named, MOST_HELD_BACK + 1, -1 do
    is_named[table.remove(named)] = nil
  end
  for network, count in pairs(refused) do
    if not is_named[network] then
      set('withheld', queue.withheld + count)
    end
  end
  return named
end

-- Says in the log what decides the draw, as soon as all of it is known.
local function decide_draw()
  if not queue.numbers or queue.decided == 1 then
    return
  end
  local secret, beacon, source = unpack(redis.call('HMGET', META, 'draw_secret', 'beacon', 'draw_source'))
  if beacon or not source then
    set('decided', 1)
    -- Whatever source is named from now on.
    redis.call('HSET', META, 'beacon', beacon or '')
    log('drawn ' .. integer(queue.numbers) .. ' ' .. secret .. ' ' .. (beacon or ''))
  end
end

note_time()
accrue(redis.call('EXISTS', READY) == 0)
close_numbers()
decide_draw()
sweep()
local is_known, refused = take_in()
local active, unclaimed = slots.count()
local admitted = admit_ready(active)
if admitted > 0 then
  active, unclaimed = slots.count()
end
move_horizon()
local networks = held_back(refused)
save()
return { admitted, is_known and 1 or 0, previous, queue.horizon, queue.withheld, networks, histograms(),
  tail(tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])), stats(active, unclaimed) }
