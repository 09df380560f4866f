-- Purpose  Creates the queue where the store has none, and sets its baseline.
-- ARGV     3 rate, 4 cap, 5 lifetime until the claim, 6 lifetime (both in microseconds)
-- Reply    stats
local baseline = { ARGV[3], ARGV[4], ARGV[5], ARGV[6] }
if not epoch then
  -- Whatever an eviction or an operator left of an earlier epoch would be mixed with this one.
  redis.call('UNLINK', LINE, VISITORS, ACTIVE, TOKENS, CONNECTED, DEPARTURES)
  epoch, last_seq, log_head, credit, credit_at, admitted_total = now, 0, 0, 1, now, 0
  redis.call('HSET', META, 'epoch', integer(now), 'revision', '1', 'paused', '0', 'unclaimed', '0')
else
  accrue(redis.call('ZCARD', LINE))
  local before = redis.call('HMGET', META, 'rate', 'cap', 'claim', 'life')
  if table.concat(before, ' ') ~= table.concat(baseline, ' ') then
    redis.call('HINCRBY', META, 'revision', 1)
  end
end
redis.call('HSET', META, 'rate', baseline[1], 'cap', baseline[2], 'claim', baseline[3], 'life', baseline[4])
save()
return stats()
