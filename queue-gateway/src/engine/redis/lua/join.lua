-- Purpose  Gives a visitor a place, the place he has, or his place of an older epoch; admits him at once where the line
--          is empty and there is room.
-- ARGV     3 visitor, 4 candidate token, 5 epoch of the place he holds ('' for none), 6 its sequence
-- Reply    { epoch, 1 when the place is fresh, standing }
local visitor, candidate = ARGV[3], ARGV[4]

local known = standing(visitor)
if known[1] ~= 0 then
  return { epoch, 0, known }
end

local waiting = redis.call('ZCARD', LINE)
accrue(waiting)

local held_epoch = tonumber(ARGV[5])
if held_epoch and held_epoch < epoch then
  local seq = held_epoch - epoch + tonumber(ARGV[6])
  -- Two visitors at one place would make positions wrong for all: the later one gets a fresh place.
  if seq <= 0 and redis.call('ZCOUNT', LINE, integer(seq), integer(seq)) == 0 then
    redis.call('ZADD', LINE, integer(seq), visitor)
    log('R ' .. integer(seq))
    save()
    return { epoch, 0, { 1, seq } }
  end
end

last_seq = last_seq + 1
if waiting == 0 and room() >= 1 and redis.call('HEXISTS', TOKENS, candidate) == 0 then
  admit({ { token = candidate, visitor = visitor, seq = last_seq } })
  save()
  return { epoch, 1, standing(visitor) }
end
redis.call('ZADD', LINE, integer(last_seq), visitor)
save()
return { epoch, 1, { 1, last_seq } }
