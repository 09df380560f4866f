-- Marks all the seats for a hold, or none.
-- KEYS     one a seat, all with the hash tag of their performance
-- ARGV[1]  the hold
-- ARGV[2]  how long the marks last, in milliseconds
-- Reply    the 1-based indexes of the keys that belong to another hold; empty when all are marked
local taken = {}
for i, owner in ipairs(redis.call('MGET', unpack(KEYS))) do
  if owner and owner ~= ARGV[1] then
    taken[#taken + 1] = i
  end
end
if #taken == 0 then
  for _, key in ipairs(KEYS) do
    -- NX: a mark of the same hold keeps its own end.
    redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2])
  end
end
return taken
