-- Purpose  Ends a slot that is not claimed.
-- KEYS     of the library
-- ARGV     3 token
-- Reply    1 when it has ended, 2 when it is claimed, 0 when there is no such live slot
if not read('noted_at', 'line_time', 'grace_time', unpack(LIFE)) then
  return false
end
if rejoins() then
  return comes_too_early()
end
local slot = slots.live(ARGV[3])
local is_free = slot and slot.holder == '-'
if is_free then
  slots.vacate(slot, 'revoked')
end
save()
return is_free and 1 or slot and 2 or 0
