-- Purpose  Applies an operator's change.
-- KEYS     of the library
-- ARGV     3 rate, 4 cap, 5 paused, 6 message: each '' to leave as it is, '-' to clear, '=' and the value to set
-- Reply    control
if not read('noted_at', 'line_time', 'grace_time', 'paused', 'rate', 'rate_override', 'credit', 'credit_at') then
  return false
end
note_time()
accrue(redis.call('EXISTS', READY) == 0)
save()
local is_changed = false
for i, field in ipairs({ 'rate_override', 'cap_override', 'paused', 'message' }) do
  local change = ARGV[i + 2]
  local value = string.sub(change, 1, 1) == '=' and string.sub(change, 2)
  if change ~= '' and value ~= redis.call('HGET', META, field) then
    is_changed = true
    if value then
      redis.call('HSET', META, field, value)
    else
      redis.call('HDEL', META, field)
    end
  end
end
if is_changed then
  redis.call('HINCRBY', META, 'revision', 1)
end
return control()
