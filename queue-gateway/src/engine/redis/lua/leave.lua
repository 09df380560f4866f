-- Purpose  Takes a visitor out of the line, or ends their slot unless it is claimed.
-- KEYS     of the library
-- ARGV     3 visitor
-- Reply    their standing before
if not read('watermark', 'log_head', 'rejoining_until') then
  return false
end
if rejoins() then
  return comes_too_early()
end
local visitor = ARGV[3]
local seq, slot = slots.settle(visitor)
local before = slots.standing(visitor)
if seq then
  places.depart(visitor, seq)
  slots.note_lost(visitor, 'left')
elseif slot and slot.holder == '-' then
  -- Who leaves before arriving has not arrived: a script could keep its network clean by that.
  slots.vacate(slot, 'left', not slot.arrived_at and 'missed' or nil)
end
save()
return before
