-- Purpose  Reads one page of the line.
-- ARGV     3 lower bound as sorted sets take it: '-inf', or '(' and the sequence above which to begin; 4 most places
-- Reply    sequences, ascending
local page = redis.call('ZRANGEBYSCORE', LINE, ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
local sequences = {}
for i = 2, #page, 2 do
  sequences[#sequences + 1] = tonumber(page[i])
end
return sequences
