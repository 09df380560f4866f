-- Purpose  Puts those who stand at numbers of the draw at their places.
-- KEYS     of the library
-- ARGV     3 the first number, 4... the place of each, in the order of the numbers
-- Reply    up to which number places are dealt
if not read('noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'credit', 'credit_at', 'decided', 'dealt',
  unpack(LIFE)) then
  return false
end
local first = tonumber(ARGV[3])
if queue.decided == 0 or first ~= queue.dealt + 1 or first > queue.numbers then
  return queue.dealt
end
local last = math.min(first + #ARGV - 4, queue.numbers)
local dealt = {}
local standing = redis.call('ZRANGEBYSCORE', LINE, integer(NUMBERS_FROM + first), integer(NUMBERS_FROM + last),
  'WITHSCORES')
for i = 1, #standing, 2 do
  dealt[i] = ARGV[standing[i + 1] - NUMBERS_FROM - first + 4]
  dealt[i + 1] = standing[i]
end
in_pieces('ZADD', LINE, dealt)
set('dealt', last)
if last == queue.numbers then
  note_time()
  accrue(redis.call('EXISTS', READY) == 0)
  set('drawn_at', now())
end
save()
return queue.dealt
