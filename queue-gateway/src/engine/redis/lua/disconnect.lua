-- Purpose  Forgets a stream, if it is still its visitor's newest.
-- ARGV     3 visitor, 4 connection
-- Reply    1 when it was, else 0
if redis.call('HGET', CONNECTED, ARGV[3]) == ARGV[4] then
  return redis.call('HDEL', CONNECTED, ARGV[3])
end
return 0
