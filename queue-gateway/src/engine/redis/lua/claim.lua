-- Purpose  Binds a live slot to its first holder, and logs it; readmits a visitor of an older epoch.
-- KEYS     of the library
-- ARGV     3 token, 4 holder, 5 epoch of the readmission ('' for none), 6 its visitor, 7 its expiry
-- Reply    { 0 } gone, { 1, expires_at } bound, { 2 } held by another
if not read('noted_at', 'line_time', 'grace_time', 'claim', 'claim_at_most', 'arrived', 'log_head', unpack(LIFE)) then
  return false
end
if rejoins() then
  return comes_too_early()
end
local token, holder = ARGV[3], ARGV[4]

-- Gateways remember whose it is, should the store forget it.
local function log_claim(slot)
  log(table.concat({ 'claimed', token, slot.visitor, integer(slot.seq), integer(slot.admitted_at),
    integer(slot.expires_at), holder }, ' '))
end

local slot = slots.live(token)
if slot then
  if slot.holder == '-' then
    slots.note_arrival(slot)
    slots.bind(slot, holder)
    log_claim(slot)
    save()
  end
  return slot.holder == holder and { 1, slot.expires_at } or { 2 }
end

local old_epoch, visitor, expires_at = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
if not old_epoch then
  save()
  return { 0 }
end
local seq, other = slots.settle(visitor)
-- `Lost::was_a_turn` of line/turn.rs.
local lost = redis.call('HGET', LOST, visitor)
local has_had_one = other or lost == 'ended' or lost == 'released' or lost == 'revoked'
local bound = not has_had_one and old_epoch < queue.epoch and expires_at > now()
if bound then
  local at = clocks()
  if seq then
    places.depart(visitor, seq)
  end
  local readmitted = { token = token, visitor = visitor, seq = seq or 0, network = '-', admitted_at = at.now,
    arrive_by = at.line, arrived_at = at.line, claim_by = at.line, expires_at = expires_at, holder = holder }
  slots.occupy({ readmitted })
  log_claim(readmitted)
end
save()
return bound and { 1, expires_at } or { 0 }
