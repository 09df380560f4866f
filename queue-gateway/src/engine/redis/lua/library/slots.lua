-- Purpose  The library, third of four files: the client networks, the slots, and where a visitor stands.
-- Slots    `visitor seq network admitted_at arrive_by arrived_at claim_by expires_at holder`, with `-` for what is not
--          there: `arrive_by`, `arrived_at` and `claim_by` in line time, the others by the store's clock.
local slots = on_first_use(function()
  -- The networks that were asked for; false for one without outcomes.
  local networks = {}

  local function network_of(name)
    local network = networks[name]
    if network == nil then
      local stored = redis.call('HGET', NETWORKS, name)
      if stored then
        local since, arrived, missed, on_the_way, unclaimed =
          string.match(stored, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
        network = { since = tonumber(since), arrived = tonumber(arrived), missed = tonumber(missed),
          on_the_way = tonumber(on_the_way), unclaimed = tonumber(unclaimed) }
      else
        network = false
      end
      networks[name] = network
    end
    return network
  end

  -- Whether the visitors of a network do not arrive: `Outcomes::hold_back` of line/network.rs.
  local function does_not_arrive(network)
    local judged = network.arrived + network.missed + (network.arrived < 2 and network.on_the_way or 0)
    return judged >= 8 and network.arrived * 4 < judged
  end

  -- Whether the present window of a network has ended.
  local function is_over(network)
    return now() - network.since >= OUTCOMES_LAST
  end

  local function forget_network(name)
    networks[name] = false
    redis.call('HDEL', NETWORKS, name)
    redis.call('ZREM', NETWORK_AGES, name)
    redis.call('ZREM', HELD_BACK, name)
    redis.call('ZREM', WITHHELD, name)
  end

  -- Changes the outcomes of a network in its present window: those on the way and the unclaimed slots by so many, and
  -- one more outcome where one is named.
  local function note_network(name, on_the_way, unclaimed, outcome)
    local network = network_of(name)
    local since, was_held_back = network and network.since, network and does_not_arrive(network)
    if not network then
      network = { since = now(), arrived = 0, missed = 0, on_the_way = 0, unclaimed = 0 }
      networks[name] = network
    elseif is_over(network) then
      -- `Outcomes::renewed` of line/network.rs: slots go on into the next window, and so does trust.
      network.since, network.missed = now(), 0
      network.arrived = was_held_back and 0 or math.min(network.arrived, 2)
    end
    network.on_the_way = math.max(network.on_the_way + on_the_way, 0)
    network.unclaimed = math.max(network.unclaimed + unclaimed, 0)
    if outcome then
      network[outcome] = network[outcome] + 1
    end
    redis.call('HSET', NETWORKS, name, table.concat({ integer(network.since), network.arrived, network.missed,
      network.on_the_way, network.unclaimed }, ' '))
    if network.since ~= since then
      redis.call('ZADD', NETWORK_AGES, integer(network.since), name)
    end
    if does_not_arrive(network) then
      redis.call('ZADD', HELD_BACK, integer(network.since), name)
      if network.unclaimed > 0 then
        redis.call('ZADD', WITHHELD, 0, name)
      else
        redis.call('ZREM', WITHHELD, name)
      end
    elseif was_held_back then
      redis.call('ZREM', HELD_BACK, name)
      redis.call('ZREM', WITHHELD, name)
    end
    if not since and redis.call('HLEN', NETWORKS) > MOST_NETWORKS then
      forget_network(redis.call('ZRANGE', NETWORK_AGES, 0, 0)[1])
    end
  end

  -- How many unclaimed slots a network (`-` for none) has that is held to one; nil for one that is not.
  local function slots_if_held_back(name)
    local network = name ~= '-' and network_of(name)
    if not network or not does_not_arrive(network) then
      return nil
    end
    -- A window that is over takes its outcomes along, but for those on the way.
    return (not is_over(network) or network.on_the_way >= 8) and network.unclaimed or nil
  end

  -- Whether a visitor from this network must not be admitted at present.
  local function withholds(name)
    return (slots_if_held_back(name) or 0) > 0
  end

  -- Remembers why a visitor has no place any more; the oldest makes room.
  local function note_lost(visitor, reason)
    set('lost', queue.lost + 1)
    redis.call('HSET', LOST, visitor, reason)
    if redis.call('ZADD', LOST_ORDER, queue.lost, visitor) == 1 and redis.call('ZCARD', LOST_ORDER) > MOST_LOST then
      redis.call('HDEL', LOST, redis.call('ZPOPMIN', LOST_ORDER)[1])
    end
  end

  local function parse(token, stored)
    local visitor, seq, network, admitted_at, arrive_by, arrived_at, claim_by, expires_at, holder =
      string.match(stored, '^(%x+) (%-?%d+) (%S+) (%d+) (%d+) (%S+) (%S+) (%d+) (%S+)$')
    return { token = token, visitor = visitor, seq = tonumber(seq), network = network,
      admitted_at = tonumber(admitted_at), arrive_by = tonumber(arrive_by), arrived_at = tonumber(arrived_at),
      claim_by = tonumber(claim_by), expires_at = tonumber(expires_at), holder = holder }
  end

  -- The slot of a token, live or over.
  local function slot_of(token)
    local stored = token and redis.call('HGET', SLOTS, token)
    return stored and parse(token, stored)
  end

  -- From then on, in line time, an unclaimed slot is free.
  local function deadline(slot)
    return slot.arrived_at and slot.claim_by or slot.arrive_by
  end

  local function is_live(slot)
    local at = clocks()
    return slot.expires_at > at.now and (slot.holder ~= '-' or deadline(slot) > at.line)
  end

  -- Stores slots, as many at once as a step admits.
  local function occupy(these)
    local stored, tokens, deadlines, expiries = {}, {}, {}, {}
    for i, slot in ipairs(these) do
      local even = 2 * i
      stored[even - 1] = slot.token
      stored[even] = table.concat({ slot.visitor, integer(slot.seq), slot.network, integer(slot.admitted_at),
        integer(slot.arrive_by), slot.arrived_at and integer(slot.arrived_at) or '-',
        slot.claim_by and integer(slot.claim_by) or '-', integer(slot.expires_at), slot.holder }, ' ')
      tokens[even - 1], tokens[even] = slot.visitor, slot.token
      expiries[even - 1], expiries[even] = integer(slot.expires_at), slot.token
      if slot.holder == '-' then
        deadlines[#deadlines + 1] = integer(deadline(slot))
        deadlines[#deadlines + 1] = slot.token
      end
    end
    in_pieces('HSET', SLOTS, stored)
    in_pieces('HSET', TOKENS, tokens)
    in_pieces('ZADD', DEADLINES, deadlines)
    in_pieces('ZADD', EXPIRIES, expiries)
  end

  local function free(these)
    local tokens, visitors = {}, {}
    for i, slot in ipairs(these) do
      tokens[i], visitors[i] = slot.token, slot.visitor
    end
    in_pieces('HDEL', SLOTS, tokens)
    in_pieces('HDEL', TOKENS, visitors)
    in_pieces('ZREM', DEADLINES, tokens)
    in_pieces('ZREM', EXPIRIES, tokens)
  end

  -- Every slot, those that are over among them.
  local function all()
    local stored, found = redis.call('HGETALL', SLOTS), {}
    for i = 1, #stored, 2 do
      found[#found + 1] = parse(stored[i], stored[i + 1])
    end
    return found
  end

  -- A slot that is claimed or ends is no longer one of its network's unclaimed ones.
  local function note_outcome(slot, outcome)
    if slot.network ~= '-' and slot.holder == '-' then
      note_network(slot.network, slot.arrived_at and 0 or -1, -1, outcome)
    end
  end

  -- Binds a slot that nobody has claimed: only the site ends it from now on, or its expiry.
  local function bind(slot, holder)
    note_outcome(slot)
    slot.holder = holder
    occupy({ slot })
    redis.call('ZREM', DEADLINES, slot.token)
  end

  -- Ends a slot of which the log has said so before.
  local function drop(token)
    local slot = slot_of(token)
    if slot then
      free({ slot })
      note_outcome(slot)
    end
  end

  -- Why the visitor of a slot that is over has nothing any more; nil for a first no-show, who has the place again.
  local function end_of(slot)
    local line = clocks().line
    if slot.holder == '-' and not slot.arrived_at and slot.arrive_by <= line then
      return redis.call('SISMEMBER', NO_SHOWS, slot.visitor) == 1 and 'no_show' or nil
    elseif slot.holder == '-' and slot.arrived_at and slot.claim_by <= line then
      return 'not_claimed'
    end
    return 'ended'
  end

  -- Ends slots that are over.
  local function finish(these)
    free(these)
    for _, slot in ipairs(these) do
      local lost = end_of(slot)
      if not lost or lost == 'no_show' then
        set('no_shows', queue.no_shows + 1)
        note_outcome(slot, 'missed')
      else
        if lost == 'not_claimed' then
          set('not_claimed', queue.not_claimed + 1)
        end
        note_outcome(slot)
      end
      if lost then
        redis.call('SREM', NO_SHOWS, slot.visitor)
        note_lost(slot.visitor, lost)
        log('ended ' .. integer(slot.seq) .. ' ' .. slot.token)
      else
        redis.call('ZADD', LINE, integer(slot.seq), slot.visitor)
        redis.call('SADD', NO_SHOWS, slot.visitor)
        if places.is_passed(slot.seq) then
          places.set_away(slot.visitor, slot.seq)
        end
        log('returned ' .. integer(slot.seq) .. ' ' .. slot.token)
      end
    end
  end

  -- Ends a live slot by choice of its visitor or its site.
  local function vacate(slot, reason, outcome)
    free({ slot })
    redis.call('SREM', NO_SHOWS, slot.visitor)
    note_outcome(slot, outcome)
    note_lost(slot.visitor, reason)
    log('ended ' .. integer(slot.seq) .. ' ' .. slot.token)
  end

  -- The slot of a token, unless it is over; then it ends.
  local function live(token)
    local slot = slot_of(token)
    if slot and not is_live(slot) then
      finish({ slot })
      return nil
    end
    return slot
  end

  -- Does for one visitor what the next sweep would do: whoever comes by is met as they are. Returns their place or nil,
  -- and their live slot or nil.
  local function settle(visitor)
    local slot = live(redis.call('HGET', TOKENS, visitor))
    local seq, stored, is_parked = places.place_of(visitor)
    if stored and not seq then
      if is_parked or stored > queue.expired_through then
        places.depart(visitor, stored)
      else
        redis.call('ZREM', LINE, visitor)
      end
      if is_parked then
        note_lost(visitor, 'passed')
      end
    end
    return seq, slot
  end

  -- The times of a slot as its visitor sees them: { admitted_at, arrive_before, claim_before, expires_at }.
  local function times(slot)
    local at, claim_by = clocks(), slot.arrived_at and slot.claim_by or slot.arrive_by + queue.claim
    return { slot.admitted_at, math.min(slot.arrive_by - at.line + at.now, slot.expires_at),
      math.min(claim_by - at.line + at.now, slot.expires_at), slot.expires_at }
  end

  -- The standing of who holds a live slot: { 2, seq, token, times, 0 admitted or 1 arrived or 2 claimed }.
  local function admitted(slot)
    local progress = slot.holder ~= '-' and 2 or slot.arrived_at and 1 or 0
    return { 2, slot.seq, slot.token, times(slot), progress }
  end

  -- Where a visitor stands: { 0, reason or nil } absent, { 1, seq } waiting, or `admitted`.
  local function standing(visitor)
    local seq, stored, is_parked = places.place_of(visitor)
    if seq then
      return { 1, seq }
    elseif stored then
      return { 0, is_parked and 'passed' or redis.call('HGET', LOST, visitor) }
    end
    local slot = slot_of(redis.call('HGET', TOKENS, visitor))
    if not slot then
      return { 0, redis.call('HGET', LOST, visitor) }
    elseif is_live(slot) then
      return admitted(slot)
    end
    -- What the next sweep makes of a slot that is over.
    local lost = end_of(slot)
    return lost and { 0, lost } or { 1, slot.seq }
  end

  -- Counts the live slots, and those of them that nobody has claimed.
  local function count()
    local at = clocks()
    local expired = redis.call('ZCOUNT', EXPIRIES, '-inf', integer(at.now))
    local lapsed = redis.call('ZCOUNT', DEADLINES, '-inf', integer(at.line))
    local all = redis.call('ZCARD', EXPIRIES) - expired - lapsed
    local unclaimed = redis.call('ZCARD', DEADLINES) - lapsed
    -- A slot may be overdue by both clocks, and must not be taken off twice. Few are, since every step sweeps.
    for first = 0, expired - 1, 1000 do
      local tokens = redis.call('ZRANGE', EXPIRIES, first, math.min(first + 999, expired - 1))
      for _, score in ipairs(redis.call('ZMSCORE', DEADLINES, unpack(tokens))) do
        if score and tonumber(score) <= at.line then
          all = all + 1
        elseif score then
          unclaimed = unclaimed - 1
        end
      end
    end
    return all, unclaimed
  end

  -- How many may be admitted now beside the active: credit within the cap. Pause shows as no credit.
  local function room(active)
    return math.max(math.min(math.floor(queue.credit), (queue.cap_override or queue.cap) - active), 0)
  end

  -- Admits somebody who has just left the line, or never stood in it. Returns the slot; `occupy` and
  -- `places.note_passed` must follow.
  local function admit(seq, visitor, token, network, due)
    local at = clocks()
    local slot = { token = token, visitor = visitor, seq = seq, network = network, admitted_at = at.now,
      arrive_by = math.max(due, at.line) + queue.arrive, expires_at = at.now + queue.active, holder = '-' }
    set('credit', queue.credit - 1)
    set('admitted', queue.admitted + 1)
    if is_invited(seq) then
      set('admitted_invited', queue.admitted_invited + 1)
    end
    places.pass(seq)
    if network ~= '-' then
      note_network(network, 1, 1)
    end
    local shown = times(slot)
    log(table.concat({ 'admitted', token, visitor, integer(seq), integer(shown[1]), integer(shown[2]),
      integer(shown[3]), integer(shown[4]) }, ' '))
    return slot
  end

  -- Records an arrival or a later sign of life in the slot; `occupy` must follow.
  local function note_arrival(slot)
    local line, promised = clocks().line, slot.arrived_at and slot.claim_by or 0
    local is_first = not slot.arrived_at
    slot.arrived_at = slot.arrived_at or line
    -- A sign of life never shortens what was promised before.
    slot.claim_by = math.max(math.min(line + queue.claim, slot.arrived_at + queue.claim_at_most), promised)
    if is_first then
      set('arrived', queue.arrived + 1)
      if slot.network ~= '-' then
        note_network(slot.network, -1, 0, 'arrived')
      end
    end
  end

  -- Counts a visitor as arrived, of whom it is not known how far they have come; `occupy` must follow.
  local function renew(slot)
    local line = clocks().line
    if not slot.arrived_at and slot.network ~= '-' then
      note_network(slot.network, -1, 0)
    end
    slot.arrived_at = slot.arrived_at or line
    slot.claim_by = math.max(slot.claim_by or 0, line + queue.claim)
  end

  return { note_network = note_network, withholds = withholds, is_live = is_live, renew = renew,
    slots_if_held_back = slots_if_held_back, note_lost = note_lost, parse = parse, occupy = occupy, all = all,
    drop = drop, slot_of = slot_of, bind = bind, finish = finish, vacate = vacate, live = live, settle = settle,
    admitted = admitted, standing = standing, count = count, room = room, admit = admit, note_arrival = note_arrival }
end)

-- The queue in numbers: { epoch, history, last_seq, log_head, watermark, expired_through, last_invited,
-- invited_watermark, active, unclaimed, ready, ready_invited, held_back, { admitted, admitted_invited, arrived,
-- no_shows, not_claimed }, now, control }.
local function stats(active, unclaimed)
  return { queue.epoch, queue.history or 0, queue.last_seq, queue.log_head, queue.watermark, queue.expired_through,
    queue.last_invited, queue.invited_watermark, active, unclaimed, redis.call('ZCARD', READY),
    redis.call('ZCOUNT', READY, integer(INVITED), '+inf'), redis.call('ZCARD', HELD_BACK),
    { queue.admitted, queue.admitted_invited, queue.arrived, queue.no_shows, queue.not_claimed }, now(), control() }
end
