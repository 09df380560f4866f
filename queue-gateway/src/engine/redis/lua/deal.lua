-- Purpose  Puts those who stand at numbers of the draw at their places.
-- KEYS     of the library
-- ARGV     3 epoch, 4 how many numbers take part, 5 secret and 6 beacon of the draw, 7 the first number, 8... the place
--          of each, in the order of the numbers
-- Reply    up to which number places are dealt
if not read('noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'credit', 'credit_at', 'decided', 'dealt',
  'has_unknown', unpack(LIFE)) then
  return false
end
local first, dealt = tonumber(ARGV[7]), queue.dealt or 0
-- A store that was set back may have decided another draw.
local secret, beacon = unpack(redis.call('HMGET', META, 'draw_secret', 'beacon'))
local is_this_draw = not rejoins()
  and queue.decided == 1 and tonumber(ARGV[3]) == queue.epoch and tonumber(ARGV[4]) == queue.numbers
  and ARGV[5] == secret and ARGV[6] == beacon
if not is_this_draw or first ~= dealt + 1 or first > queue.numbers then
  return dealt
end
local last = math.min(first + #ARGV - 8, queue.numbers)
local placed, renamed = {}, {}
local standing = redis.call('ZRANGEBYSCORE', LINE, integer(NUMBERS_FROM + first), integer(NUMBERS_FROM + last),
  'WITHSCORES')
for i = 1, #standing, 2 do
  local visitor, number = standing[i], tonumber(standing[i + 1])
  placed[i] = ARGV[number - NUMBERS_FROM - first + 8]
  placed[i + 1] = visitor
  -- Whoever is not known is looked for by the place.
  if queue.has_unknown == 1 and visitor == rejoining.unknown_at(number) then
    renamed[#renamed + 1] = visitor
    placed[i + 1] = rejoining.unknown_at(tonumber(placed[i]))
  end
end
in_pieces('ZREM', LINE, renamed)
in_pieces('ZADD', LINE, placed)
set('dealt', last)
if last == queue.numbers then
  note_time()
  accrue(nobody_ready())
  set('drawn_at', now())
  -- What the gateways know of the line says nothing any more, until their next reports.
  for id, of in pairs(places.gateways()) do
    of.covers, of.newest = FIRST, FIRST
    redis.call('HSET', GATEWAYS, id, places.written(of))
  end
end
save()
return queue.dealt
