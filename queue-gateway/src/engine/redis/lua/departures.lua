-- Purpose  Reads a stretch of the departure log.
-- ARGV     3 epoch, 4 index after which to begin, 5 most entries
-- Reply    entries, oldest first, or 0 for a gap
local after, limit = tonumber(ARGV[4]), tonumber(ARGV[5])
if tonumber(ARGV[3]) ~= epoch or after > log_head then
  return 0
end
if after == log_head then
  return {}
end
local first = integer(after + 1) .. '-0'
local found = redis.call('XRANGE', DEPARTURES, first, '+', 'COUNT', math.max(limit, 1))
if #found == 0 or found[1][1] ~= first then
  return 0
end
local entries = {}
for i = 1, math.min(#found, limit) do
  entries[i] = found[i][2][2]
end
return entries
