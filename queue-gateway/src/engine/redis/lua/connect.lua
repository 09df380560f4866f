-- Purpose  Records a visitor's newest stream, unless he is absent.
-- ARGV     3 visitor, 4 connection
-- Reply    standing
local where = standing(ARGV[3])
if where[1] ~= 0 then
  redis.call('HSET', CONNECTED, ARGV[3], ARGV[4])
end
return where
