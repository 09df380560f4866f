-- Purpose  Applies an operator's change and records it.
-- KEYS     of the library
-- ARGV     3 rate, 4 cap, 5 paused, 6 message: each '' to leave as it is, '-' to clear, '=' and the value to set; 7 who
-- Reply    control
if not read('noted_at', 'line_time', 'grace_time', 'paused', 'rate', 'rate_override', 'credit', 'credit_at') then
  return false
end
note_time()
accrue(redis.call('EXISTS', READY) == 0)
save()
local orders = {}
for i, field in ipairs({ 'rate_override', 'cap_override', 'paused', 'message' }) do
  local change = ARGV[i + 2]
  if change ~= '' then
    orders[#orders + 1] = { field, string.sub(change, 1, 1) == '=' and string.sub(change, 2) }
  end
end
govern(ARGV[7], orders)
return control()
