-- Purpose  Reads the snapshot of the line.
-- KEYS     of the library
-- ARGV     of the library
-- Reply    { epoch, history, head of the log, the order }, { } where none is kept
if not read('history') then
  return false
end
local head, order = unpack(redis.call('HMGET', SNAPSHOT, 'head', 'order'))
return head and { queue.epoch, queue.history or 0, tonumber(head), order } or {}
