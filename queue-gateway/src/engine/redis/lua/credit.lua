-- Purpose  The credit by which promotion keeps to its rate: the arithmetic of embedded/credit.rs, operation by operation,
--          so that both engines agree to the last digit.
local function accrue(waiting)
  if paused or not (rate > 0) or rate == math.huge then
    credit = 0
  else
    local elapsed = math.max(now - credit_at, 0)
    credit = math.min(credit + elapsed * rate / 1e6, math.max(rate, 1))
    if waiting == 0 then
      credit = math.min(credit, 1)
    end
  end
  credit_at = now
end

-- How many may be admitted now: credit within the cap. Pause shows as no credit.
local function room()
  local active = redis.call('ZCOUNT', ACTIVE, '(' .. integer(now), '+inf')
  return math.max(math.min(math.floor(credit), cap - active), 0)
end
