-- Purpose  The library, first of four files: the keys, the queue's numbers, its clocks, its credit and its log. The
--          library stands before every step and only defines: it runs no command by itself.
-- KEYS     1 meta (hash: the queue's numbers, and what governs it)
--          2 line (sorted set: visitor by sequence)
--          3 away, 4 away-places (sorted sets: passed visitors who are away, by deadline in grace time, by sequence)
--          5 passed (list of `began ended through`: places that were passed at about the same time)
--          6 no-shows (set of visitors), 7 given-back (sorted set: places of older epochs that were given back)
--          8 ready (sorted set: `visitor:gateway` by sequence), 9 entries (hash: member to `registration due network`)
--          10 gateways (hash: gateway to `registration number at covers newest reach`)
--          11 histograms (hash: gateway to opaque text)
--          12 slots (hash: token to slot), 13 tokens (hash: visitor to the token of their slot)
--          14 deadlines (sorted set: tokens of unclaimed slots, by deadline in line time)
--          15 expiries (sorted set: tokens by expiry)
--          16 networks (hash: network to `since arrived missed on_the_way unclaimed`)
--          17 network-ages (sorted set: network by since), 18 held-back (sorted set: those held back, by since)
--          19 withheld (sorted set: those held back with an unclaimed slot, all at score 0)
--          20 lost (hash: visitor to reason), 21 lost-order (sorted set: those visitors, oldest first)
--          22 log (stream: entry n has the id n-0 and one field `e`)
--          23 changes (stream: the nth change of revision r has the id r-n, and the fields at, by, field, from, to)
--          24 invitations (sorted set: those that were used, by expiry)
--          25 heard (hash: gateway to how far it was heard of what it remembers)
--          26 snapshot (hash: head, and order, which gateways alone read)
-- ARGV     1 time in microseconds since 1970 for tests, 0 for the store's own; 2 entries that the log keeps
-- Reply    nil when the queue is not configured; an error that begins with REJOINING from a step that cannot be done
--          while the line is being given back; else the step's own
local META, LINE, AWAY, AWAY_PLACES, PASSED, NO_SHOWS, GIVEN_BACK, READY, ENTRIES, GATEWAYS, HISTOGRAMS, SLOTS, TOKENS,
  DEADLINES, EXPIRIES, NETWORKS, NETWORK_AGES, HELD_BACK, WITHHELD, LOST, LOST_ORDER, LOG, CHANGES,
  INVITATIONS, HEARD, SNAPSHOT = unpack(KEYS)

-- The constants of engine.rs and line/report.rs; times in microseconds. A test compares them.
local FIRST, LAST = -9007199254740992, 9007199254740992
-- A number of a draw stands at this and the number: `Sequence::of_number` of line/place.rs.
local NUMBERS_FROM, MOST_NUMBERS = -4503599627370496, 4294967296
-- The lane of the invited begins here; those of this epoch stand above its origin, restored ones not.
local INVITED, INVITED_ORIGIN = 4503599627370496, 6755399441055744
local LONGEST_STEP = 1000000
local PASSED_TOGETHER = 1000000
local GATEWAY_LIVES = 3000000
local OUTCOMES_LAST = 600000000
local USED_OUTLIVES = 86400000000
local MOST_NETWORKS = 10000
local MOST_HELD_BACK = 256
local MOST_LOST = 10000
local MOST_SWEPT = 1000
local MOST_CHANGES = 1000
local REJOINING_LASTS = 60000000
local REJOINING_AT_MOST = 300000000
local REJOINING_SETTLES = 2000000
local REJOINING_PATIENCE = 3000000
local MOST_NUMBERS_PER_PLACE = 4
local SNAPSHOT_EVERY = 20000
local LONGEST_SNAPSHOT = 4194304

-- The functions of the other three files are made when the first of them is called: most joins need none of them, and
-- to make them all would cost more than the join.
local lazily = { __index = function(functions, name)
  local made = functions.make()
  setmetatable(functions, { __index = made })
  return made[name]
end }
local function on_first_use(make)
  return setmetatable({ make = make }, lazily)
end

-- A whole number as text. Concatenation and tostring keep 14 digits only; a time has 16.
local texts = {}
local function integer(number)
  local text = texts[number]
  if not text then
    text = string.format('%.0f', number)
    texts[number] = text
  end
  return text
end

-- Runs a command of many values in pieces: Lua's stack takes about 8,000. A piece never parts a pair.
local function in_pieces(command, key, values)
  for first = 1, #values, 1000 do
    redis.call(command, key, unpack(values, first, math.min(first + 999, #values)))
  end
end

-- The queue's numbers, which configure.lua names. Each is read when it is first asked for; `save` writes what `set` has
-- changed.
local queue, changed = {}, {}

-- Reads several numbers at once. What is known already stays: it may have been changed. Returns whether the queue is
-- configured.
local function read(...)
  local values = redis.call('HMGET', META, 'epoch', ...)
  queue.epoch = tonumber(values[1]) or false
  for i = 2, #values do
    local field = select(i - 1, ...)
    if rawget(queue, field) == nil then
      queue[field] = tonumber(values[i]) or false
    end
  end
  return queue.epoch
end

setmetatable(queue, { __index = function(_, field)
  read(field)
  return rawget(queue, field)
end })

local function set(field, number)
  if queue[field] ~= number then
    queue[field] = number
    changed[field] = true
  end
end

local function save()
  local values = {}
  for field in pairs(changed) do
    local number = queue[field]
    values[#values + 1] = field
    values[#values + 1] = number == math.floor(number) and integer(number) or string.format('%.17g', number)
  end
  if #values > 0 then
    redis.call('HSET', META, unpack(values))
    changed = {}
  end
end

-- The store's own time. A script that asks twice would be told two times.
local time
local function now()
  if not time then
    time = tonumber(ARGV[1])
    if time == 0 then
      local parts = redis.call('TIME')
      time = parts[1] * 1000000 + parts[2]
    end
  end
  return time
end

-- What says when the queue opens, drains and closes. Most steps ask for all of it.
local LIFE = { 'opens_at', 'opens_at_override', 'pre_queue', 'closes_at', 'closes_at_override', 'drains_at', 'paused',
  'numbering', 'numbers', 'drawn_at', 'invited_share', 'presale', 'rejoining_until', 'known_head', 'returning_until' }

-- Which process of Redis this is; '' where it does not tell.
local function server()
  local info = redis.pcall('INFO', 'server')
  -- Every join asks, and plain text is found sooner than a pattern.
  local at = type(info) == 'string' and string.find(info, 'run_id:', 1, true)
  return at and string.sub(info, at + 7, at + 46) or ''
end

-- Whether another process speaks for the store than in the last step: one that was started again, or a replica that
-- took over. It may lack the last writes.
local elsewhere
local function is_elsewhere()
  if elsewhere == nil then
    elsewhere = redis.call('HGET', META, 'server') ~= server()
  end
  return elsewhere
end

-- Whether gateways are giving the line back, or the next step asks them for it.
-- No clock that was set back makes it longer.
local function rejoins()
  local left = queue.rejoining_until and queue.rejoining_until - now() or 0
  return queue.known_head or left > 0 and left <= REJOINING_AT_MOST or is_elsewhere()
end

-- The reply of a step that cannot be done while the line is being given back.
local function comes_too_early()
  return redis.error_reply('REJOINING the line is being given back to its store')
end

local function opens_at()
  return queue.opens_at_override or queue.opens_at or -math.huge
end

local function closes_at()
  return queue.closes_at_override or queue.closes_at or math.huge
end

-- From when the line is all there, as far as it comes back.
local function whole_from()
  return math.max(queue.rejoining_until or -math.huge, queue.returning_until or -math.huge)
end

-- From when until when the queue admits, from the lane of the invited or the general line: `Admitting` of
-- embedded/clocks.rs.
local function admitting(invited)
  local waits_for_draw = queue.numbering == 1 and not queue.drawn_at and not (invited and queue.invited_share)
  if queue.paused == 1 or waits_for_draw then
    return math.huge, -math.huge
  end
  return math.max(opens_at() - (invited and queue.presale or 0), whole_from()), closes_at()
end

local function admits(invited)
  local from, till = admitting(invited)
  return from <= now() and now() < till
end

-- Whether somebody who stands here was invited.
local function is_invited(seq)
  return seq >= INVITED and seq < LAST
end

-- Whether somebody who stands here has a number of a draw, and no place to be admitted at.
local function is_number(seq)
  return seq > NUMBERS_FROM and seq < NUMBERS_FROM + MOST_NUMBERS
end

-- Fixes how many numbers take part in the draw, once the queue has opened.
local function close_numbers()
  -- Somebody may know of further numbers of a line that is being given back.
  if queue.numbering == 1 and not queue.numbers and now() >= opens_at() and not rejoins() then
    set('numbers', queue.last_seq)
    set('closed_at', now())
  end
end

-- Why the queue gives no new places in a lane now, as `Control::no_joins` of line/life.rs has it: -1 they begin later,
-- -2 it drains, -3 it is closed; nil while it gives them. Whoever asks knows that the line is whole.
local function no_joins(invited)
  if now() >= closes_at() then
    return -3
  elseif now() < opens_at() - (invited and queue.presale or 0) - queue.pre_queue then
    return -1
  end
  return queue.drains_at and now() >= queue.drains_at and -2 or nil
end

-- The three clocks at this moment, as embedded/clocks.rs has them: `now` is the store's own, `line` stands still while
-- the store is away from its gateways or waits for what they remember or for who comes back, and `grace` while the
-- general line is not admitted too.
local moment
local function clocks()
  if not moment then
    if not rawget(queue, 'noted_at') then
      read('noted_at', 'line_time', 'grace_time', unpack(LIFE))
    end
    local are_awaited = queue.rejoining_until or redis.call('EXISTS', GATEWAYS) == 1
    local longest = are_awaited and LONGEST_STEP or math.huge
    local elapsed = math.min(math.max(now() - queue.noted_at, 0), longest)
    local whole = math.max(queue.noted_at, whole_from())
    local lived = math.min(elapsed, math.max(now() - whole, 0))
    local from, till = admitting(false)
    local admitted = math.min(elapsed, math.max(math.min(now(), till) - math.max(queue.noted_at, from), 0))
    moment = { now = now(), line = queue.line_time + lived, grace = queue.grace_time + admitted }
  end
  return moment
end

-- Takes note of the clocks: before gateways come or go, and before what says when the queue admits is
-- changed.
local function note_time()
  local at = clocks()
  set('noted_at', at.now)
  set('line_time', at.line)
  set('grace_time', at.grace)
end

-- Gives credit for the time since the last call: the arithmetic of embedded/credit.rs, operation by operation, so that
-- both engines agree to the last digit.
local function accrue(nobody_ready)
  local rate = queue.rate_override or queue.rate
  -- The invited are admitted whenever anybody is.
  local credit, from, till = 0, admitting(true)
  if from <= now() and now() < till and rate > 0 and rate ~= math.huge then
    local elapsed = math.max(now() - math.max(queue.credit_at, from), 0)
    -- What there was before the opening is nobody's, whether or not anybody has looked meanwhile.
    local before = queue.credit_at < from and 0 or queue.credit
    credit = math.min(before + elapsed * rate / 1e6, math.max(rate, 1))
    if nobody_ready then
      credit = math.min(credit, 1)
    end
  end
  set('credit', credit)
  set('credit_at', now())
end

-- Whether nobody is ready of those who may be admitted now.
local function nobody_ready()
  if admits(false) then
    return redis.call('EXISTS', READY) == 0
  end
  return redis.call('ZCOUNT', READY, integer(INVITED), '+inf') == 0
end

-- Adds an entry to the log. Entries: `admitted token visitor seq admitted_at arrive_before claim_before expires_at`,
-- `claimed token visitor seq admitted_at expires_at holder`, `drawn numbers secret beacon`, `invited seq`, `departed
-- seq`, `restored seq`, `returned seq token`, `ended seq token`, `ready seq`, `away seq`, `expired through kept...`.
local function log(entry)
  set('log_head', queue.log_head + 1)
  redis.call('XADD', LOG, 'MAXLEN', '~', ARGV[2], integer(queue.log_head) .. '-0', 'e', entry)
end

-- The place of a visitor whom nobody has passed, or nil: it cannot be over, and they have no slot. Besides, the place
-- as it is stored.
local function unpassed_place(visitor)
  local stored = tonumber(redis.call('ZSCORE', LINE, visitor))
  return stored and stored > queue.watermark and stored or nil, stored
end

-- The end of the log: { epoch, history, last_seq, log_head, 1 while the line is given back, entries after `after` or 0
-- for a gap }.
local function tail(epoch, after, limit)
  local head, page = queue.log_head, 0
  if epoch == queue.epoch and after == head then
    page = {}
  elseif epoch == queue.epoch and after < head then
    local first = integer(after + 1) .. '-0'
    local found = redis.call('XRANGE', LOG, first, '+', 'COUNT', math.max(limit, 1))
    if #found > 0 and found[1][1] == first then
      page = {}
      for i = 1, math.min(#found, limit) do
        page[i] = found[i][2][2]
      end
    end
  end
  return { queue.epoch, queue.history or 0, queue.last_seq, head, rejoins() and 1 or 0, page }
end

-- Changes numbers that govern the queue, which `by` has ordered: of each its field and what it is to be, false for
-- nothing. Records what differs.
local function govern(by, orders)
  local revision, recorded = nil, 0
  for _, order in ipairs(orders) do
    local field, to = order[1], order[2]
    local from = redis.call('HGET', META, field)
    if from ~= to then
      revision = revision or redis.call('HINCRBY', META, 'revision', 1)
      if to then
        redis.call('HSET', META, field, to)
      else
        redis.call('HDEL', META, field)
      end
      recorded = recorded + 1
      redis.call('XADD', CHANGES, 'MAXLEN', MOST_CHANGES, revision .. '-' .. recorded, 'at', integer(now()), 'by', by,
        'field', field, 'from', from and '=' .. from or '-', 'to', to and '=' .. to or '-')
    end
  end
end

-- What governs the queue, as stored: { revision, baseline_as_of, rate, cap, arrive, claim, claim_at_most, active,
-- grace, come_back, max_places, opens_at, pre_queue, opening, beacon_source, closes_at, message, invited_share,
-- presale, rate_override, cap_override, opens_at_override, opening_override, closes_at_override, drains_at, paused,
-- rejoining_until, returning_until, message_override, draw_secret, numbering, draw_source, numbers, closed_at, beacon,
-- drawn_at }, nil for what is not set.
local function control()
  return redis.call('HMGET', META, 'revision', 'baseline_as_of', 'rate', 'cap', 'arrive', 'claim', 'claim_at_most',
    'active', 'grace', 'come_back', 'max_places', 'opens_at', 'pre_queue', 'opening', 'beacon_source', 'closes_at',
    'message', 'invited_share', 'presale', 'rate_override', 'cap_override', 'opens_at_override', 'opening_override',
    'closes_at_override', 'drains_at', 'paused', 'rejoining_until', 'returning_until', 'message_override',
    'draw_secret', 'numbering', 'draw_source', 'numbers', 'closed_at', 'beacon', 'drawn_at')
end
