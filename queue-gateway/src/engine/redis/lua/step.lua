-- Purpose  One gateway's step: sweeps, takes in what the gateway reports, admits, and says what is new.
-- KEYS     of the library
-- ARGV     3 gateway, 4 number of the report, 5 phase (begins, goes_on, ends), 6 covers, 7 newest,
--          8 reach ('-' for none), 9 wanted, 10 histogram, 11 epoch, 12 index of the log after which to begin, 13 most
--          entries, 14 how many are gone, 15 how many are ready, 16... visitor and sequence of each who is gone, then
--          visitor, sequence, network ('-' for none) and due (microseconds from now) of each who is ready, then
--          candidate tokens
-- Reply    { admitted, 1 when the gateway was known, the number of its report before or -1, horizon, withheld, networks
--          held back, gateways with their histograms, tail, stats }
if not read('history', 'last_seq', 'log_head', 'noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'cap',
  'cap_override', 'credit', 'credit_at', 'watermark', 'expired_through', 'cleared_through', 'sweeping_from', 'horizon',
  'registrations', 'withheld', 'admitted', 'arrived', 'no_shows', 'not_claimed', 'arrive', 'claim', 'active',
  'grace', 'last_invited', 'invited_watermark', 'invited_owed', 'admitted_invited', 'has_unknown', unpack(LIFE)) then
  return false
end
local gateway, number, phase = ARGV[3], ARGV[4], ARGV[5]
local first_gone, first_ready = 16, 16 + 2 * ARGV[14]
local first_candidate = first_ready + 4 * ARGV[15]
local known = places.gateways()
local previous = known[gateway] and known[gateway].number or -1

-- Takes note of the report, and registers the gateway if it is not known. Returns its registration.
local function hear()
  local registration = known[gateway] and known[gateway].registration
  if not registration then
    set('registrations', queue.registrations + 1)
    registration = integer(queue.registrations)
  end
  if queue.is_reported == 0 then
    set('is_reported', 1)
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
      -- Whoever is reported where somebody unknown stands is that.
      if not stored and queue.has_unknown == 1 and not is_number(seq) and rejoining.name(visitors[i], seq) then
        stored = seq
      end
      if tonumber(stored) == seq and not is_number(seq)
        and (not places.is_passed(seq) or places.place_of(visitors[i])) then
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
      local first = lowest[ready.network]
      local goes_first = not first or is_invited(ready.seq) and not is_invited(first)
      if goes_first or is_invited(ready.seq) == is_invited(first) and ready.seq < first then
        lowest[ready.network] = ready.seq
      end
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

-- Moves the horizon so that about as many of the general line are ready as the gateway wants, and not below the
-- watermark: whoever was passed and is there has to be ready, or the place would expire.
local function move_horizon()
  local wanted, lowest = tonumber(ARGV[9]), LAST
  for _, of in pairs(known) do
    lowest = math.min(lowest, of.reach or LAST)
  end
  if redis.call('ZCOUNT', READY, '-inf', '(' .. integer(INVITED)) >= wanted then
    local function place_of(nth)
      local at = integer(math.max(nth - 1, 0))
      local seq = tonumber(redis.call('ZRANGE', READY, at, at, 'WITHSCORES')[2])
      return seq and not is_invited(seq) and seq or nil
    end
    -- It widens only when there are fewer: otherwise a lone gateway that begins with its lowest would have to report
    -- everybody it has in its second step. But the first that are wanted must be within it, or those who are ready
    -- beyond it would wait for ever.
    lowest = math.max(math.min(queue.horizon, lowest), place_of(wanted) or -LAST)
    lowest = math.min(lowest, place_of(2 * wanted) or LAST)
  end
  set('horizon', math.max(lowest, queue.watermark))
end

local function histograms()
  local ids = {}
  for id in pairs(known) do
    ids[#ids + 1] = id
  end
  table.sort(ids)
  local present, stored = {}, #ids > 0 and redis.call('HMGET', HISTOGRAMS, unpack(ids)) or {}
  for i, id in ipairs(ids) do
    present[2 * i - 1], present[2 * i] = id, stored[i]
  end
  return present
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
accrue(nobody_ready())
if is_elsewhere() then
  rejoining.note_server()
end
local is_behind = tonumber(ARGV[12]) > queue.log_head or tonumber(ARGV[7]) > queue.last_seq and tonumber(ARGV[7]) < LAST
if is_behind and tonumber(ARGV[11]) == queue.epoch then
  rejoining.doubt()
end
if queue.known_head then
  rejoining.keep_to_the_clock()
  local is_heard = rejoining.note_step(gateway, tonumber(ARGV[11]) ~= queue.epoch, phase == 'ends')
  if is_heard and rejoining.is_complete() or rejoining.is_over() then
    rejoining.finish()
  end
end
-- A store does not wait for ever.
local left = queue.rejoining_until and queue.rejoining_until - now()
if left and (left <= 0 or left > REJOINING_AT_MOST) then
  rejoining.finish()
end
if queue.returning_until then
  rejoining.end_overdue_return()
end
if queue.known_head then
  -- Whatever was done now might be about a line that is not all here.
  save()
  local news = tail(tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13]))
  return { 0, 1, -1, queue.horizon, queue.withheld, {}, {}, news, stats(slots.count()) }
end
close_numbers()
decide_draw()
sweep()
local is_known, refused = take_in()
local active, unclaimed = slots.count()
local admitted = admit_ready(active, first_candidate)
if admitted > 0 then
  active, unclaimed = slots.count()
end
move_horizon()
local networks = held_back(refused)
save()
return { admitted, is_known and 1 or 0, previous, queue.horizon, queue.withheld, networks, histograms(),
  tail(tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])), stats(active, unclaimed) }
