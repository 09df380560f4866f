-- Purpose  Reads the end of the log, and a stretch of it.
-- KEYS     of the library
-- ARGV     3 epoch, 4 index after which to begin, 5 most entries
-- Reply    tail
if not read('history', 'last_seq', 'log_head', 'rejoining_until', 'known_head') then
  return false
end
return tail(tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
