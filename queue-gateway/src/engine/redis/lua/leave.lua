-- Purpose  Takes a visitor out of the line, or ends his slot.
-- ARGV     3 visitor
-- Reply    his standing before
local visitor = ARGV[3]
local before = standing(visitor)
if before[1] == 1 then
  redis.call('ZREM', LINE, visitor)
  redis.call('HDEL', CONNECTED, visitor)
  log('D ' .. integer(before[2]))
  save()
elseif before[1] == 2 then
  vacate({ before[2] })
end
return before
