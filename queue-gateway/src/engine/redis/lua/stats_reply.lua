-- Purpose  The queue in numbers, as replies carry it: { epoch, last_seq, log_head, waiting, active, connected, admitted,
--          unclaimed, now, control }.
local function stats()
  return { epoch, last_seq, log_head, redis.call('ZCARD', LINE),
    redis.call('ZCOUNT', ACTIVE, '(' .. integer(now), '+inf'), redis.call('HLEN', CONNECTED), admitted_total,
    tonumber(redis.call('HGET', META, 'unclaimed')), now, control() }
end
