-- Purpose  Ends a slot.
-- ARGV     3 token
-- Reply    1 when it was live, else 0
if live(ARGV[3]) then
  vacate({ ARGV[3] })
  return 1
end
return 0
