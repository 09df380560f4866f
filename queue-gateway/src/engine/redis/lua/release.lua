-- Purpose  Ends a slot.
-- KEYS     of the library
-- ARGV     3 token
-- Reply    1 when it was live, else 0
if not read('noted_at', 'line_time', 'grace_time', unpack(LIFE)) then
  return false
end
if rejoins() then
  return comes_too_early()
end
local slot = slots.live(ARGV[3])
if slot then
  slots.vacate(slot, 'released')
end
save()
return slot and 1 or 0
