-- Purpose  Hears in numbers what a gateway remembers of the line. A queue in which nobody has done anything, or that
--          lacks what is remembered, goes on as it is remembered.
-- KEYS     of the library
-- ARGV     3 the gateway, and after it those that were live at its last step, 4 epoch, 5 head of the log, 6 last_seq, 7
--          watermark, 8 expired_through, 9 how many places the lane of the invited has given, 10 invited_watermark, 11
--          revision, 12... totals: admitted, admitted_invited, arrived, no_shows, not_claimed; 17... rate_override,
--          cap_override, opens_at_override, closes_at_override, drains_at, paused, message_override, opening_override;
--          draw_secret, numbering, draw_source, numbers, closed_at, beacon, drawn_at (each '-' for none, else '=' and
--          the value); 32 the history that it follows
-- Reply    { 1 } when all places are wanted, { 2, last_seq, last of the invited } when those that were given after
--          these are, { 3 } when it has told all, { 0 } where a line goes on
if not read('noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'credit', 'credit_at', 'last_seq',
  'last_invited', 'known_head', unpack(LIFE)) then
  return false
end
local head, last_seq, last_invited = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[9])

-- What was read before does not count any more.
local function forget_numbers()
  for field in pairs(queue) do
    queue[field] = nil
  end
end

-- Sets some fields from ARGV[first] on, or takes them away.
local function remember(first, fields)
  save()
  for i, field in ipairs(fields) do
    local value = ARGV[first + i - 1]
    if value == '-' then
      redis.call('HDEL', META, field)
    else
      redis.call('HSET', META, field, string.sub(value, 2))
    end
  end
  forget_numbers()
end

-- What operators had ordered.
local function take_orders()
  local orders, remembered = {}, tonumber(ARGV[11])
  for i, field in ipairs({ 'rate_override', 'cap_override', 'opens_at_override', 'closes_at_override', 'drains_at',
    'paused', 'message_override', 'opening_override' }) do
    local value = ARGV[16 + i]
    orders[i] = { field, value ~= '-' and string.sub(value, 2) }
  end
  save()
  -- The first that differs raises it by one.
  redis.call('HSET', META, 'revision', integer(math.max(queue.revision, remembered - 1)))
  govern('a gateway, after the store had lost it', orders)
  local revision = tonumber(redis.call('HGET', META, 'revision'))
  redis.call('HSET', META, 'revision', integer(math.max(revision, remembered)))
  forget_numbers()
end

-- How far the draw had come.
local DRAW = { 'draw_secret', 'numbering', 'draw_source', 'numbers', 'closed_at', 'beacon', 'drawn_at' }
local function take_draw()
  remember(25, DRAW)
  -- Whoever remembers a draw that is decided has everybody at their places.
  local is_decided = queue.numbers and redis.call('HEXISTS', META, 'beacon') == 1
  if is_decided then
    redis.call('HSETNX', META, 'drawn_at', integer(now()))
  end
  redis.call('HSET', META, 'decided', is_decided and 1 or 0, 'dealt', is_decided and integer(queue.numbers) or 0)
  queue.drawn_at = nil
end

-- Whether anything of the draw is known there and not here, and the other way round: not all of its steps are in the
-- log.
local function compare_draw()
  local is_ahead, is_behind = false, false
  for i, here in ipairs(redis.call('HMGET', META, unpack(DRAW))) do
    local is_known_there = ARGV[24 + i] ~= '-'
    is_ahead = is_ahead or is_known_there and not here
    is_behind = is_behind or here and not is_known_there
  end
  return is_ahead and not is_behind, is_behind
end

local epoch, revision, history = tonumber(ARGV[4]), tonumber(ARGV[11]), tonumber(ARGV[32])
-- Of two histories the later one counts, however far the log of the other had come.
local is_later, is_earlier = history > (queue.history or 0), history < (queue.history or 0)
if not queue.known_head then
  local has_lost_some = queue.epoch == epoch and (is_later or not is_earlier and (head > queue.log_head
    or last_seq > queue.last_seq or last_invited > queue.last_invited or revision > queue.revision))
  if has_lost_some then
    rejoining.begin(queue.log_head)
  elseif queue.epoch ~= epoch and rejoining.is_untouched() then
    rejoining.begin(-1)
    set('epoch', epoch)
    set('history', history)
    is_later = false
    take_orders()
  else
    return { 0 }
  end
end
if queue.epoch ~= epoch then
  return { 0 }
end
local gateway = string.match(ARGV[3], '%x+')
if is_earlier then
  rejoining.note_heard(gateway, 'told')
  save()
  return { 0 }
end
local is_abandoned = queue.is_listed == 0 and rejoining.is_silent()
if is_abandoned then
  rejoining.turn('tells', 'silent')
end
for named in string.gmatch(ARGV[3], '%x+') do
  if not rejoining.hearing()[named] then
    rejoining.note_heard(named, 'awaited')
  end
end

-- From now on the store goes by this knowledge. Where more is wanted of those who have told, they are heard again.
local function believe(known_head, known_seq, known_invited, is_listed)
  rejoining.turn('tells', 'awaited')
  if known_seq < queue.listed_seq or known_invited < queue.listed_invited then
    rejoining.turn('told', 'awaited')
  end
  set('known_head', known_head)
  set('listed_seq', known_seq)
  set('listed_invited', known_invited)
  set('is_listed', is_listed)
end

local draw_is_ahead, draw_is_behind = compare_draw()
local is_better = is_later or head > queue.known_head or head == queue.known_head and draw_is_ahead
  or is_abandoned and head > queue.own_head
if is_better then
  believe(head, last_seq, last_invited, 0)
  set('history', history)
elseif is_abandoned then
  -- Nobody knows more than the store itself.
  believe(queue.own_head, queue.own_seq, queue.own_invited, 1)
end

-- Whether another gateway tells of all places: one does at a time.
local function does_another_tell()
  for other, how in pairs(rejoining.hearing()) do
    if how == 'tells' and other ~= gateway then
      return true
    end
  end
  return false
end

local wanted
if head == queue.known_head and queue.is_listed == 0 and not does_another_tell() then
  wanted = { 1 }
  set('heard_at', now())
  rejoining.note_heard(gateway, 'tells')
elseif rejoining.hearing()[gateway] == 'told' and last_seq <= queue.last_seq and last_invited <= queue.last_invited then
  wanted = { 3 }
else
  wanted = { 2, queue.listed_seq, INVITED_ORIGIN + queue.listed_invited }
  rejoining.note_heard(gateway, 'awaited')
end
if is_better then
  redis.call('DEL', SNAPSHOT)
  -- What was logged since belongs to another history.
  if is_later or head > queue.log_head then
    redis.call('DEL', LOG)
    set('log_head', math.max(head, is_later and queue.log_head + 1 or 0))
  end
  for i, total in ipairs({ 'admitted', 'admitted_invited', 'arrived', 'no_shows', 'not_claimed' }) do
    set(total, tonumber(ARGV[11 + i]))
  end
end
if draw_is_ahead or is_better and not draw_is_behind then
  take_draw()
end
-- Not those that were given before what operators have ordered since.
if revision > queue.revision then
  take_orders()
end
set('watermark', math.max(queue.watermark, tonumber(ARGV[7])))
set('expired_through', math.max(queue.expired_through, tonumber(ARGV[8])))
set('invited_watermark', math.max(queue.invited_watermark, tonumber(ARGV[10])))
set('last_seq', math.max(queue.last_seq, last_seq))
set('last_invited', math.max(queue.last_invited, last_invited))
save()
return wanted
