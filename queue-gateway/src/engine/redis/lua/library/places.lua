-- Purpose  The library, second of four files: who has a place, which places have been passed and are kept for how
--          long, who is ready, and by the word of which gateway.
local places = on_first_use(function()
  -- Whether whoever stands here has been passed.
  local function is_passed(seq)
    return seq <= queue.watermark
  end

  -- Whether somebody who is ready stands here.
  local function is_ready(seq)
    local at = integer(seq)
    return redis.call('ZCOUNT', READY, at, at) > 0
  end

  -- The gateways as their last reports showed them: id to { registration, number, at, covers, newest, reach or nil }.
  local known
  local function gateways()
    if not known then
      known = {}
      local stored = redis.call('HGETALL', GATEWAYS)
      for i = 1, #stored, 2 do
        local registration, number, at, covers, newest, reach =
          string.match(stored[i + 1], '^(%d+) (%d+) (%d+) (%-?%d+) (%-?%d+) (%S+)$')
        known[stored[i]] = { registration = registration, number = tonumber(number), at = tonumber(at),
          covers = tonumber(covers), newest = tonumber(newest), reach = tonumber(reach) }
      end
    end
    return known
  end

  -- Up to which place nobody who is present can be missing. Gateways that have been silent for too long count no more,
  -- though nobody has swept them yet.
  local function covered()
    local lowest = LAST
    for _, gateway in pairs(gateways()) do
      if gateway.at >= clocks().line - GATEWAY_LIVES then
        lowest = math.min(lowest, gateway.covers)
      end
    end
    return lowest
  end

  -- Up to which place anybody may be admitted: who has just joined beyond it may be present and not reported yet.
  local function known_through()
    local lowest = covered()
    for _, gateway in pairs(gateways()) do
      if gateway.at >= clocks().line - GATEWAY_LIVES then
        lowest = math.min(lowest, gateway.newest)
      end
    end
    return lowest
  end

  -- Whether no place is over, whatever the time: a live gateway may have somebody there whom it has not reported yet.
  -- It stays as it was when it was first asked, before a report is heard: what that covers, it covers by whom it names.
  local suspended
  local function is_suspended()
    if suspended == nil then
      suspended = covered() < queue.watermark
    end
    return suspended
  end

  -- Places up to here are over unless somebody came back to them: those that were passed at least the grace time ago,
  -- whether or not a sweep has met them.
  local function over_through()
    local least = clocks().grace - queue.grace
    local function stretch(i)
      return string.match(redis.call('LINDEX', PASSED, i) or '', '^%d+ (%d+) (%S+)$')
    end
    local function is_over(i)
      local ended = tonumber((stretch(i)))
      return ended and ended <= least
    end
    -- The stretches ascend: those before `over` are over, those from `rest` on are not.
    local over, rest = 0, is_over(0) and not is_suspended() and redis.call('LLEN', PASSED) or 0
    while over < rest do
      local middle = math.floor((over + rest) / 2)
      if is_over(middle) then
        over = middle + 1
      else
        rest = middle
      end
    end
    if over == 0 then
      return queue.expired_through
    end
    local _, through = stretch(over - 1)
    return tonumber(through)
  end

  -- The visitor's place, unless it is over. Besides, the place as it is stored, and whether it has a deadline of its
  -- own.
  local function place_of(visitor)
    local stored = tonumber(redis.call('ZSCORE', LINE, visitor))
    if not stored or not is_passed(stored) then
      return stored, stored, false
    end
    local deadline = tonumber(redis.call('ZSCORE', AWAY, visitor))
    local lasts
    if deadline then
      lasts = deadline > clocks().grace or is_suspended()
    else
      lasts = is_ready(stored) or stored > over_through()
    end
    return lasts and stored or nil, stored, deadline ~= nil
  end

  -- Up to `most` different sequences of a sorted set above `above`, up to and including `through`, ascending.
  local function sequences(key, above, through, most)
    local found = {}
    while #found < most and above < through do
      local limit = math.min(most - #found, 1000)
      local page = redis.call('ZRANGEBYSCORE', key, '(' .. integer(above), integer(through), 'WITHSCORES', 'LIMIT', 0,
        limit)
      for i = 2, #page, 2 do
        local seq = tonumber(page[i])
        if seq ~= above then
          found[#found + 1] = seq
          above = seq
        end
      end
      if #page < 2 * limit then
        break
      end
    end
    return found
  end

  -- Up to `most` passed places that do not expire with the places around them, because their visitors are ready or have
  -- a deadline of their own.
  local function kept_places(above, through, most)
    local away, ready = sequences(AWAY_PLACES, above, through, most), sequences(READY, above, through, most)
    local kept, a, r = {}, 1, 1
    while #kept < most and (away[a] or ready[r]) do
      local seq = math.min(away[a] or LAST, ready[r] or LAST)
      kept[#kept + 1] = seq
      a = away[a] == seq and a + 1 or a
      r = ready[r] == seq and r + 1 or r
    end
    return kept
  end

  -- Notes that the visitor of a passed place is away: from now on it has a deadline of its own.
  local function set_away(visitor, seq)
    redis.call('ZADD', AWAY, integer(clocks().grace + queue.grace), visitor)
    redis.call('ZADD', AWAY_PLACES, integer(seq), visitor)
  end

  -- Notes that the visitor of a passed place is back, or has it no more.
  local function set_back(visitor)
    if redis.call('ZREM', AWAY, visitor) == 1 then
      redis.call('ZREM', AWAY_PLACES, visitor)
    end
  end

  -- Passes everybody up to an admitted place; nobody in the lane of the invited is passed. `note_passed` must follow.
  local function pass(seq)
    if is_invited(seq) then
      set('invited_watermark', math.max(queue.invited_watermark, seq))
    elseif not is_passed(seq) then
      set('watermark', seq)
    end
  end

  -- Notes when the places were passed that this step has passed.
  local function note_passed()
    if not changed.watermark then
      return
    end
    local at = clocks().grace
    local grace, through = integer(at), integer(queue.watermark)
    local last = redis.call('LINDEX', PASSED, -1)
    local began = last and string.match(last, '^%d+')
    if began and at - tonumber(began) < PASSED_TOGETHER then
      redis.call('LSET', PASSED, -1, began .. ' ' .. grace .. ' ' .. through)
    else
      redis.call('RPUSH', PASSED, grace .. ' ' .. grace .. ' ' .. through)
    end
  end

  -- Drops every entry at a place whose visitor leaves the line.
  local function unready(seq)
    local at = integer(seq)
    local members = redis.call('ZRANGEBYSCORE', READY, at, at)
    in_pieces('ZREM', READY, members)
    in_pieces('HDEL', ENTRIES, members)
  end

  -- Takes a visitor out of the line for good.
  local function depart(visitor, seq)
    redis.call('ZREM', LINE, visitor)
    redis.call('SREM', NO_SHOWS, visitor)
    set_back(visitor)
    unready(seq)
    log('departed ' .. integer(seq))
  end

  -- Takes an entry out of the ready set; its visitor keeps the place.
  local function drop_entry(member, seq)
    if redis.call('ZREM', READY, member) == 1 then
      redis.call('HDEL', ENTRIES, member)
      if is_passed(seq) and not is_ready(seq) then
        set_away(string.sub(member, 1, 32), seq)
        log('away ' .. integer(seq))
      end
    end
  end

  -- A gateway as it is stored.
  local function written(of)
    return table.concat({ of.registration, integer(of.number), integer(of.at), integer(of.covers), integer(of.newest),
      of.reach and integer(of.reach) or '-' }, ' ')
  end

  return { is_passed = is_passed, is_ready = is_ready, gateways = gateways, written = written, covered = covered,
    known_through = known_through, is_suspended = is_suspended, over_through = over_through, place_of = place_of,
    sequences = sequences, kept_places = kept_places, set_away = set_away, set_back = set_back, pass = pass,
    note_passed = note_passed, unready = unready, depart = depart, drop_entry = drop_entry }
end)
