-- Purpose  What every script begins with: names for the keys, the time, and the queue's own numbers.
-- KEYS     1 meta (hash), 2 line (sorted set: visitor by sequence), 3 visitors (hash: visitor to token of his slot),
--          4 active (sorted set: token by deadline), 5 tokens (hash: token to slot), 6 connected (hash: visitor to
--          connection), 7 departures (stream: entry n has the id n-0)
-- ARGV     1 time in microseconds since 1970 for tests, 0 for the store's own; 2 entries that the departure log keeps
-- Reply    nil when the queue is not configured, else the script's own
local META, LINE, VISITORS, ACTIVE, TOKENS, CONNECTED, DEPARTURES = unpack(KEYS)

-- Concatenation and tostring keep 14 digits only; a time has 16.
local function integer(number)
  return string.format('%.0f', number)
end

local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local stored = redis.call('HMGET', META, 'epoch', 'last_seq', 'log_head', 'credit', 'credit_at', 'admitted',
  'paused', 'rate', 'rate_override', 'cap', 'cap_override', 'claim', 'life')
local epoch = tonumber(stored[1])
local last_seq, log_head = tonumber(stored[2]), tonumber(stored[3])
local credit, credit_at = tonumber(stored[4]), tonumber(stored[5])
local admitted_total = tonumber(stored[6])
local paused = stored[7] == '1'
local rate = tonumber(stored[9] or stored[8])
local cap = tonumber(stored[11] or stored[10])
local claim_lifetime, active_lifetime = tonumber(stored[12]), tonumber(stored[13])

-- Writes back what a step may have changed.
local function save()
  redis.call('HSET', META, 'last_seq', integer(last_seq), 'log_head', integer(log_head),
    'credit', string.format('%.17g', credit), 'credit_at', integer(credit_at), 'admitted', integer(admitted_total))
end

-- Runs a command of many values in pieces: Lua's stack takes about 8,000. A piece never parts a pair.
local function in_pieces(command, key, values)
  for first = 1, #values, 1000 do
    redis.call(command, key, unpack(values, first, math.min(first + 999, #values)))
  end
end
