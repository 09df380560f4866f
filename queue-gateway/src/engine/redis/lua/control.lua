-- Purpose  Applies an operator's change and records it.
-- KEYS     of the library
-- ARGV     3 rate, 4 cap, 5 opens_at, 6 closes_at, 7 drains_at, 8 paused, 9 message, 10 opening: each '' to leave as
--          it is, '-' to clear, '=' and the value to set; 11 beacon ('' for none, '=' and the text); 12 who
-- Reply    control
if not read('noted_at', 'line_time', 'grace_time', 'rate', 'rate_override', 'credit', 'credit_at', unpack(LIFE)) then
  return false
end
note_time()
accrue(nobody_ready())
close_numbers()
save()
local orders = {}
for i, field in ipairs({ 'rate_override', 'cap_override', 'opens_at_override', 'closes_at_override', 'drains_at',
  'paused', 'message_override', 'opening_override' }) do
  local change = ARGV[i + 2]
  if change ~= '' then
    orders[#orders + 1] = { field, string.sub(change, 1, 1) == '=' and string.sub(change, 2) }
  end
end
-- Nobody chooses the beacon once it is known, or before it can be.
if ARGV[11] ~= '' and queue.numbers and redis.call('HEXISTS', META, 'draw_source') == 1
  and redis.call('HEXISTS', META, 'beacon') == 0 then
  orders[#orders + 1] = { 'beacon', string.sub(ARGV[11], 2) }
end
govern(ARGV[12], orders)
return control()
