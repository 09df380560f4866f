-- Purpose  The latest changes of what governs the queue. Changes nothing.
-- KEYS     of the library
-- ARGV     3 how many at most
-- Reply    the newest first, each { revision, at, who, field, from, to }; the last two '-' for nothing, or '=' and the
--          value
if not read() then
  return false
end
local changes = {}
for i, entry in ipairs(redis.call('XREVRANGE', CHANGES, '+', '-', 'COUNT', ARGV[3]) or {}) do
  local id, values = entry[1], entry[2]
  changes[i] = { string.match(id, '^%d+'), values[2], values[4], values[6], values[8], values[10] }
end
return changes
