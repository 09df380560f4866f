-- Purpose  Keeps a snapshot of the line for gateways that come late, where it is new.
-- KEYS     of the library
-- ARGV     3 epoch, 4 head of the log, 5 the order
-- Reply    up to which entry the kept one goes
if not read('log_head') then
  return false
end
local kept, head = tonumber(redis.call('HGET', SNAPSHOT, 'head')), tonumber(ARGV[4])
local is_of_this_line = tonumber(ARGV[3]) == queue.epoch and head <= queue.log_head
if is_of_this_line and (not kept or head >= kept + SNAPSHOT_EVERY) and #ARGV[5] <= LONGEST_SNAPSHOT then
  redis.call('HSET', SNAPSHOT, 'head', ARGV[4], 'order', ARGV[5])
  kept = head
end
return kept or 0
