-- Purpose  Gives a place that was handed back to whoever comes with a token for it, and says where they stand.
-- KEYS     of the library
-- ARGV     3 visitor, 4 epoch of the place, 5 the place
-- Reply    standing
if not read('watermark', 'has_unknown', 'noted_at', 'line_time', 'grace_time', unpack(LIFE)) then
  return false
end
if rejoins() then
  return comes_too_early()
end
if queue.has_unknown == 1 and tonumber(ARGV[4]) == queue.epoch then
  rejoining.name(ARGV[3], tonumber(ARGV[5]))
end
return slots.standing(ARGV[3])
