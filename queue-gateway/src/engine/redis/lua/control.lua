-- Purpose  Applies an operator's change.
-- ARGV     3 rate, 4 cap, 5 paused, 6 message: each '' to leave as it is, '-' to clear, '=' and the value to set
-- Reply    control
accrue(redis.call('ZCARD', LINE))
local changed = false
for i, field in ipairs({ 'rate_override', 'cap_override', 'paused', 'message' }) do
  local change = ARGV[i + 2]
  local value = change:sub(1, 1) == '=' and change:sub(2)
  if change ~= '' and value ~= redis.call('HGET', META, field) then
    changed = true
    if value then
      redis.call('HSET', META, field, value)
    else
      redis.call('HDEL', META, field)
    end
  end
end
if changed then
  redis.call('HINCRBY', META, 'revision', 1)
end
save()
return control()
