-- Purpose  Keeps a snapshot of the line for gateways that come late, where it is new.
-- KEYS     of the library
-- ARGV     3 epoch, 4 history, 5 head of the log, 6 the order
-- Reply    up to which entry the kept one goes
if not read('history', 'log_head', 'rejoining_until', 'known_head') then
  return false
end
local kept, head = tonumber(redis.call('HGET', SNAPSHOT, 'head')), tonumber(ARGV[5])
local is_of_this_line = tonumber(ARGV[3]) == queue.epoch and tonumber(ARGV[4]) == (queue.history or 0)
  and head <= queue.log_head and not rejoins()
if is_of_this_line and (not kept or head >= kept + SNAPSHOT_EVERY) and #ARGV[6] <= LONGEST_SNAPSHOT then
  redis.call('HSET', SNAPSHOT, 'head', ARGV[5], 'order', ARGV[6])
  kept = head
end
return kept or 0
