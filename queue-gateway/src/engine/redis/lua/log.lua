-- Purpose  The departure log: one entry for each change to the line other than a plain join.
-- Entries  `A token visitor seq admitted_at claim_before expires_at`, `D seq`, `R seq`
local function log(entry)
  log_head = log_head + 1
  redis.call('XADD', DEPARTURES, 'MAXLEN', '~', ARGV[2], integer(log_head) .. '-0', 'e', entry)
end
