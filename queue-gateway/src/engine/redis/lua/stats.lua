-- Purpose  The queue in numbers.
-- KEYS     of the library
-- ARGV     of the library
-- Reply    stats
if not read('noted_at', 'line_time', 'grace_time', 'history', 'last_seq', 'log_head', 'watermark', 'expired_through',
  'last_invited', 'invited_watermark', 'admitted', 'admitted_invited', 'arrived', 'no_shows', 'not_claimed',
  unpack(LIFE)) then
  return false
end
return stats(slots.count())
