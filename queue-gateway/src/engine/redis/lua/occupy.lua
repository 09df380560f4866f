-- Purpose  Fills slots with visitors of the line, as many at once as a step admits.

-- Adds the slots (each { token, visitor, seq, claim_before, expires_at, holder, deadline }) and logs those for which
-- `logged` holds.
local function occupy(slots, logged)
  local tokens, visitors, deadlines = {}, {}, {}
  for _, slot in ipairs(slots) do
    local fields = string.format('%s %s %s %s %s', slot.visitor, integer(slot.seq), integer(now),
      integer(slot.claim_before), integer(slot.expires_at))
    tokens[#tokens + 1] = slot.token
    tokens[#tokens + 1] = fields .. ' ' .. slot.holder
    visitors[#visitors + 1] = slot.visitor
    visitors[#visitors + 1] = slot.token
    deadlines[#deadlines + 1] = integer(slot.deadline)
    deadlines[#deadlines + 1] = slot.token
    if logged then
      log('A ' .. slot.token .. ' ' .. fields)
    end
  end
  in_pieces('HSET', TOKENS, tokens)
  in_pieces('HSET', VISITORS, visitors)
  in_pieces('ZADD', ACTIVE, deadlines)
end

-- Spends credit on the admissions (each { token, visitor, seq }).
local function admit(admissions)
  local claim_before = now + math.min(claim_lifetime, active_lifetime)
  for _, slot in ipairs(admissions) do
    slot.claim_before, slot.expires_at = claim_before, now + active_lifetime
    slot.holder, slot.deadline = '-', claim_before
  end
  credit = credit - #admissions
  admitted_total = admitted_total + #admissions
  occupy(admissions, true)
end
