-- Purpose  The library, last of four files: a line that gateways give back to a store which has lost it, or its last
--          writes. While it waits for them, the store keeps in the queue's numbers: own_head, the entry of the log up
--          to which it knew the line itself, -1 for not at all, and own_seq and own_invited, the last places that it
--          knew of; known_head, listed_seq and listed_invited, the same of whoever is believed; is_listed, whether all
--          that they know is here; began_at, when the wait began; heard_at, when anybody handed anything back;
--          kept_until, how long in grace time whoever was passed and there when it began is kept. HEARD says of each
--          gateway how far it was heard, as embedded/hearing.rs: awaited; tells, the one that is believed; told;
--          silent, which fell silent while it told; new, which was started since and remembers nothing.
local rejoining = on_first_use(function()
  -- Who stands at a place that was handed back, until their name is known: `unknown_at` of line/memory.rs.
  local function unknown_at(seq)
    return (seq < 0 and '0000000000000001' or '0000000000000002') .. string.format('%016x', math.abs(seq))
  end

  -- Gives a place that was handed back to whoever comes with a token for it. Returns whether it is theirs now.
  local function name(visitor, seq)
    local unknown = unknown_at(seq)
    if redis.call('ZSCORE', LINE, visitor) or redis.call('HEXISTS', TOKENS, visitor) == 1
      or places.place_of(unknown) ~= seq then
      return false
    end
    redis.call('ZREM', LINE, unknown)
    redis.call('ZADD', LINE, integer(seq), visitor)
    -- They may lose it for a reason that is not noted.
    if redis.call('HDEL', LOST, visitor) == 1 then
      redis.call('ZREM', LOST_ORDER, visitor)
    end
    local deadline = redis.call('ZSCORE', AWAY, unknown)
    if deadline then
      redis.call('ZREM', AWAY, unknown)
      redis.call('ZREM', AWAY_PLACES, unknown)
      redis.call('ZADD', AWAY, deadline, visitor)
      redis.call('ZADD', AWAY_PLACES, integer(seq), visitor)
    end
    return true
  end

  -- How far each gateway was heard.
  local heard
  local function hearing()
    if not heard then
      heard = {}
      local stored = redis.call('HGETALL', HEARD)
      for i = 1, #stored, 2 do
        heard[stored[i]] = stored[i + 1]
      end
    end
    return heard
  end

  local function note_heard(gateway, how)
    if hearing()[gateway] ~= how then
      heard[gateway] = how
      redis.call('HSET', HEARD, gateway, how)
    end
  end

  -- Of all gateways that were heard so far.
  local function turn(from, to)
    for gateway, how in pairs(hearing()) do
      if how == from then
        note_heard(gateway, to)
      end
    end
  end

  local function is_silent()
    return now() - queue.heard_at >= REJOINING_PATIENCE
  end

  -- How many are awaited, and how many have been started since.
  local function awaited_and_new()
    local awaited, new = 0, 0
    for _, how in pairs(hearing()) do
      awaited = awaited + ((how == 'awaited' or how == 'tells') and 1 or 0)
      new = new + (how == 'new' and 1 or 0)
    end
    return awaited, new
  end

  -- Whether the line is here and nobody is awaited.
  local function is_complete()
    return queue.is_listed == 1 and awaited_and_new() == 0
  end

  -- Takes note of a gateway that steps: one that follows another line remembers nothing of this one, and one that ends
  -- is not waited for. Returns whether it was awaited, and is not any more.
  local function note_step(gateway, remembers_nothing, ends)
    local how = hearing()[gateway]
    local is_awaited = how == 'awaited' or how == 'tells'
    if is_awaited and (remembers_nothing or ends) then
      note_heard(gateway, 'told')
      return true
    elseif not how and remembers_nothing and not ends then
      note_heard(gateway, 'new')
    end
    return false
  end

  -- Whether nobody is waited for any longer: gateways that were there for a minute, those in whose place others were
  -- started for some seconds, and nobody's telling is cut short.
  local function is_over()
    if not is_silent() then
      return false
    end
    local awaited, new = awaited_and_new()
    return queue.is_listed == 1 and awaited <= new or now() - queue.began_at >= REJOINING_LASTS
  end

  -- Where a clock was set back, the wait begins anew by what it shows.
  local function keep_to_the_clock()
    if now() < queue.began_at then
      set('began_at', now())
      set('heard_at', now())
      set('rejoining_until', now() + REJOINING_AT_MOST)
    end
  end

  -- Begins to wait for what gateways remember. What they have reported of who is there says nothing any more: whoever
  -- was passed and is there counts as having just gone.
  local function begin(own_head)
    note_time()
    accrue(nobody_ready())
    local knows = own_head >= 0
    set('own_head', own_head)
    set('own_seq', knows and queue.last_seq or FIRST)
    set('own_invited', knows and queue.last_invited or 0)
    set('known_head', own_head)
    set('listed_seq', queue.own_seq)
    set('listed_invited', queue.own_invited)
    set('is_listed', knows and 1 or 0)
    set('heard_at', now())
    set('kept_until', clocks().grace + queue.grace)
    set('began_at', now())
    local passed = redis.call('ZRANGEBYSCORE', READY, '-inf', integer(queue.watermark), 'WITHSCORES')
    for i = 1, #passed, 2 do
      places.set_away(string.sub(passed[i], 1, 32), tonumber(passed[i + 1]))
    end
    redis.call('DEL', HEARD)
    heard = {}
    local known = places.gateways()
    for id, of in pairs(known) do
      -- Whoever is known to a store that has lost the line came after the loss.
      if knows and of.at >= clocks().line - GATEWAY_LIVES then
        note_heard(id, 'awaited')
      end
      known[id] = nil
    end
    set('rejoining_until', now() + REJOINING_AT_MOST)
    redis.call('DEL', READY, ENTRIES, GATEWAYS, HISTOGRAMS)
    set('sweeping_from', LAST)
  end

  -- Whether nobody has done anything here since the store began the queue.
  local function is_untouched()
    return queue.last_seq == 0 and queue.last_invited == 0 and redis.call('EXISTS', LINE, SLOTS) == 0
  end

  -- Hears what gateways remember, since some of it may be lost here.
  local function doubt()
    local awaits_the_first = queue.rejoining_until and now() < queue.rejoining_until and is_untouched()
    if not queue.known_head and not awaits_the_first then
      begin(queue.log_head)
    end
  end

  -- Takes note of the server that speaks for the store, and hears what gateways remember if it may lack anything.
  local function note_server()
    elsewhere = false
    local known = redis.call('HGET', META, 'server')
    redis.call('HSET', META, 'server', server())
    if known then
      doubt()
    end
  end

  -- How far its visitor has come may be forgotten: a slot that nobody has claimed counts as arrived at, and a claim has
  -- the whole time again. Whoever has a slot stands nowhere.
  local function renew_slots()
    local renewed = {}
    for _, slot in ipairs(slots.all()) do
      local unknown = unknown_at(slot.seq)
      if redis.call('ZREM', LINE, unknown) == 1 then
        places.set_back(unknown)
      end
      if slot.holder == '-' and slots.is_live(slot) then
        slots.renew(slot)
        renewed[#renewed + 1] = slot
      end
    end
    slots.occupy(renewed)
  end

  -- Says of those whose time to come back began with the wait that they are not ready.
  local function note_away()
    local kept_until = integer(queue.kept_until)
    for _, visitor in ipairs(redis.call('ZRANGEBYSCORE', AWAY, kept_until, kept_until)) do
      log('away ' .. integer(tonumber(redis.call('ZSCORE', LINE, visitor))))
    end
  end

  -- Whoever has a deadline of their own may have come back since in what was lost.
  local function renew_away()
    local deadline, renewed = integer(clocks().grace + queue.grace), {}
    for _, visitor in ipairs(redis.call('ZRANGEBYSCORE', AWAY, '-inf', '(' .. deadline)) do
      renewed[#renewed + 1] = deadline
      renewed[#renewed + 1] = visitor
    end
    in_pieces('ZADD', AWAY, renewed)
  end

  -- Goes on with what has been handed back, once all were heard or have had their time: the grace time of everybody who
  -- was passed begins. The gateways are to report anew who is there, and have some time for it.
  local function finish()
    local has_waited = queue.known_head
    note_time()
    accrue(nobody_ready())
    if has_waited then
      renew_slots()
      set('history', now())
      if queue.log_head ~= queue.own_head then
        -- Another history: nobody goes on from what they followed before.
        redis.call('DEL', LOG)
        set('log_head', queue.log_head + 1)
      else
        note_away()
      end
      renew_away()
      redis.call('DEL', PASSED)
      if queue.watermark > queue.expired_through then
        local grace = integer(clocks().grace)
        redis.call('RPUSH', PASSED, grace .. ' ' .. grace .. ' ' .. integer(queue.watermark))
      end
    end
    save()
    redis.call('HDEL', META, 'rejoining_until', 'own_head', 'own_seq', 'own_invited', 'known_head', 'listed_seq',
      'listed_invited', 'is_listed', 'began_at', 'heard_at', 'kept_until')
    redis.call('DEL', HEARD)
    queue.rejoining_until, queue.known_head = false, false
    if has_waited then
      set('rejoining_until', now() + REJOINING_SETTLES)
      set('is_reported', 0)
    end
  end

  -- The first who comes back to a place of an older epoch opens the time for the others: once in an epoch, and while
  -- nobody has been admitted, or soon after the epoch began.
  local function await_the_others()
    read('come_back', 'has_awaited', 'admitted', 'noted_at', 'line_time', 'grace_time', 'rate', 'rate_override',
      'credit', 'credit_at')
    local is_early = queue.admitted == 0 or now() < queue.epoch + queue.come_back
    if queue.has_awaited or queue.come_back == 0 or not is_early then
      return
    end
    note_time()
    accrue(nobody_ready())
    set('has_awaited', 1)
    set('returning_until', now() + queue.come_back)
  end

  -- It is over in time, or when the settings give less; and no clock that was set back makes it longer.
  local function end_overdue_return()
    local left = queue.returning_until - now()
    if left <= 0 or left > queue.come_back then
      save()
      redis.call('HDEL', META, 'returning_until')
      queue.returning_until = false
    end
  end

  return { await_the_others = await_the_others, end_overdue_return = end_overdue_return, unknown_at = unknown_at,
    name = name, is_untouched = is_untouched, begin = begin, doubt = doubt, note_server = note_server, finish = finish,
    hearing = hearing, note_heard = note_heard, turn = turn, is_silent = is_silent, is_complete = is_complete,
    note_step = note_step, is_over = is_over, keep_to_the_clock = keep_to_the_clock }
end)

