-- Purpose  What governs the queue, as replies carry it: { revision, rate, cap, claim, life, rate_override or nil,
--          cap_override or nil, paused, message or nil }, as stored.
local function control()
  return redis.call('HMGET', META, 'revision', 'rate', 'cap', 'claim', 'life', 'rate_override', 'cap_override',
    'paused', 'message')
end
