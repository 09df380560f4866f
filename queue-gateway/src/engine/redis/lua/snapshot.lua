-- Purpose  Reads the snapshot of the line.
-- KEYS     of the library
-- ARGV     of the library
-- Reply    { epoch, head of the log, the order }, { } where none is kept
if not read('log_head') then
  return false
end
local head, order = unpack(redis.call('HMGET', SNAPSHOT, 'head', 'order'))
return head and { queue.epoch, tonumber(head), order } or {}
