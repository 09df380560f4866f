-- Purpose  Creates the queue where the store has none, and sets its baseline, where that is newer.
-- KEYS     of the library
-- ARGV     3 rate, 4 cap, 5 arrive, 6 claim, 7 claim_at_most, 8 active, 9 grace, 10 come_back (in microseconds),
--          11 max_places, 12 opens_at ('-' for always), 13 pre_queue, 14 closes_at ('-' for never), 15 opening,
--          16 beacon_source, 17 message (each '-' for none, else '=' and the text), 18 the share of the invited in
--          thousandths and 19 presale (each '-' where nobody is invited), 20 since when the settings say so, and for a
--          queue that is created 21 the secret of its draw, 22 1 when others may remember it
-- Reply    stats
local baseline = {}
for i, field in ipairs({ 'rate', 'cap', 'arrive', 'claim', 'claim_at_most', 'active', 'grace', 'come_back',
  'max_places', 'opens_at', 'pre_queue', 'closes_at', 'opening' }) do
  baseline[i] = { field, ARGV[i + 2] ~= '-' and ARGV[i + 2] }
end
for i, field in ipairs({ 'beacon_source', 'message' }) do
  local text = ARGV[i + 15]
  baseline[#baseline + 1] = { field, text ~= '-' and string.sub(text, 2) }
end
for i, field in ipairs({ 'invited_share', 'presale' }) do
  baseline[#baseline + 1] = { field, ARGV[i + 17] ~= '-' and ARGV[i + 17] }
end

if not read('noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'credit', 'credit_at', unpack(LIFE)) then
  -- Whatever an eviction or an operator left of an earlier epoch would be mixed with this one.
  redis.call('UNLINK', unpack(KEYS))
  local began, first, last = integer(now()), integer(FIRST), integer(LAST)
  redis.call('HSET', META,
    -- What every join asks for stands first: a small hash is searched from its beginning.
    'epoch', began, 'max_places', ARGV[11], 'watermark', first, 'last_seq', 0,
    'expired_through', first, 'cleared_through', first, 'log_head', 0,
    -- The clocks, and what they showed when it was noted.
    'noted_at', began, 'line_time', began, 'grace_time', began,
    -- A queue opens with one whole admission, so the very first visitor need not wait.
    'credit', 1, 'credit_at', began,
    -- The ready set: up to where it is wanted, how many gateways have registered, from where entries of gone ones are
    -- swept, and how often somebody was refused because of their network.
    'horizon', last, 'registrations', 0, 'sweeping_from', last, 'withheld', 0,
    -- Totals, and how many reasons of lost places were noted.
    'admitted', 0, 'arrived', 0, 'no_shows', 0, 'not_claimed', 0, 'lost', 0,
    'revision', 1, 'paused', 0, 'baseline_as_of', ARGV[20],
    -- The draw: its secret, whether the log has decided it, and how many places are dealt.
    'draw_secret', ARGV[21], 'decided', 0, 'dealt', 0)
  if ARGV[22] == '1' then
    redis.call('HSET', META, 'rejoining_until', integer(now() + REJOINING_PATIENCE))
  end
  for _, order in ipairs(baseline) do
    if order[2] then
      redis.call('HSET', META, order[1], order[2])
    end
  end
  for field in pairs(queue) do
    queue[field] = nil
  end
end
-- One of before it was noted.
redis.call('HSETNX', META, 'server', server())
-- A queue of before there were draws: whoever has joined it has settled that it opens without one.
redis.call('HSETNX', META, 'draw_secret', ARGV[21])
if queue.last_seq > 0 then
  redis.call('HSETNX', META, 'numbering', 0)
end
-- A queue of before anybody was invited. What the invited are owed is in thousandths of a turn.
for field, number in pairs({ last_invited = 0, invited_watermark = integer(FIRST), invited_owed = 0,
  admitted_invited = 0 }) do
  redis.call('HSETNX', META, field, number)
end
note_time()
accrue(nobody_ready())
close_numbers()
local as_of = tonumber(ARGV[20])
-- A queue of before there were ages is older than all.
local is_newer = as_of > (queue.baseline_as_of or -math.huge)
if is_newer then
  set('baseline_as_of', as_of)
end
save()
if is_newer then
  govern('settings', baseline)
end
return stats(slots.count())
