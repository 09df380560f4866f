-- Purpose  Admits from the front of the line as far as credit, cap and candidates allow.
-- ARGV     3... candidate tokens
-- Reply    { admitted, stats }
local waiting = redis.call('ZCARD', LINE)
accrue(waiting)

-- A candidate in use is a repeated call's: giving it out twice would end a live slot.
local most = math.min(room(), waiting)
local free, chosen = {}, {}
for first = 3, #ARGV, 1000 do
  if #free >= most then
    break
  end
  local last = math.min(first + 999, #ARGV)
  for offset, used in ipairs(redis.call('HMGET', TOKENS, unpack(ARGV, first, last))) do
    local candidate = ARGV[first + offset - 1]
    if not used and not chosen[candidate] and #free < most then
      free[#free + 1] = candidate
      chosen[candidate] = true
    end
  end
end

if #free > 0 then
  local admissions = {}
  local front = redis.call('ZPOPMIN', LINE, #free)
  for i = 1, #front, 2 do
    admissions[#admissions + 1] = { token = free[#admissions + 1], visitor = front[i], seq = tonumber(front[i + 1]) }
  end
  admit(admissions)
end
save()
return { #free, stats() }
