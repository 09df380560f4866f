-- Purpose  Says where a visitor stands.
-- KEYS     of the library
-- ARGV     3 visitor
-- Reply    standing
if not read('watermark', 'rejoining_until') then
  return false
end
if rejoins() then
  return comes_too_early()
end
local seq = unpassed_place(ARGV[3])
return seq and { 1, seq } or slots.standing(ARGV[3])
