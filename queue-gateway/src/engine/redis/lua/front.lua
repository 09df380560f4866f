-- Purpose  Reads one page of the passed places whose visitors are ready.
-- KEYS     of the library
-- ARGV     3 sequence above which to begin, 4 most places
-- Reply    sequences, ascending
if not read('watermark') then
  return false
end
return places.sequences(READY, tonumber(ARGV[3]), queue.watermark, tonumber(ARGV[4]))
