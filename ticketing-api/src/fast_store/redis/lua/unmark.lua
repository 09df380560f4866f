-- Removes the marks that still belong to a hold.
-- KEYS     one a seat, all with the hash tag of their performance
-- ARGV[1]  the hold
-- Reply    how many were removed
local removed = 0
for i, owner in ipairs(redis.call('MGET', unpack(KEYS))) do
  if owner == ARGV[1] then
    removed = removed + redis.call('DEL', KEYS[i])
  end
end
return removed
