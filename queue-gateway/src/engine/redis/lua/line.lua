-- Purpose  Reads one page of the line.
-- KEYS     of the library
-- ARGV     3 sequence above which to begin, 4 most places
-- Reply    sequences, ascending
if not read('expired_through') then
  return false
end
local above, limit = tonumber(ARGV[3]), tonumber(ARGV[4])
-- Never through what has expired: a million such places may not be cleared yet.
local page = places.kept_places(above, queue.expired_through, limit)
local from = '(' .. integer(math.max(above, queue.expired_through))
local rest = redis.call('ZRANGEBYSCORE', LINE, from, '+inf', 'WITHSCORES', 'LIMIT', 0, limit - #page)
for i = 2, #rest, 2 do
  page[#page + 1] = tonumber(rest[i])
end
return page
