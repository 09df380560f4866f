-- Purpose  Records that an admitted visitor is at the site, or is still there.
-- KEYS     of the library
-- ARGV     3 token
-- Reply    standing
if not read('noted_at', 'line_time', 'grace_time', 'claim', 'claim_at_most', 'arrived', unpack(LIFE)) then
  return false
end
if rejoins() then
  return comes_too_early()
end
local slot = slots.live(ARGV[3])
if slot and slot.holder == '-' then
  slots.note_arrival(slot)
  slots.occupy({ slot })
end
save()
return slot and slots.admitted(slot) or { 0, false }
