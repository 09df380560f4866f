-- Purpose  Second of two parts of the step: who of the ready is admitted.
-- The candidates that are free, one after another: one in use is a repeated call's, and giving it out twice would end a
-- live slot.
local function free_candidates(first_candidate)
  local next_up, used, chosen = first_candidate, {}, {}
  return function()
    while next_up <= #ARGV do
      local offset = (next_up - first_candidate) % 100
      if offset == 0 then
        used = redis.call('HMGET', SLOTS, unpack(ARGV, next_up, math.min(next_up + 99, #ARGV)))
      end
      local candidate = ARGV[next_up]
      next_up = next_up + 1
      if not used[offset + 1] and not chosen[candidate] then
        chosen[candidate] = true
        return candidate
      end
    end
    return nil
  end
end

-- How many gateways are registered.
local function gateway_count()
  local count = 0
  for _ in pairs(places.gateways()) do
    count = count + 1
  end
  return count
end

-- Those who are ready between two places, the lowest first. `peek` says whether there is somebody who may be admitted:
-- whoever stands before them and may not is dropped, as long as any may be. `admit` then admits them, and `finish` must
-- follow.
local function lane_between(least, through, most, is_open)
  local droppable, gateway_limit, taken, visitors, last = MOST_SWEPT, gateway_count() + 1, {}, {}, nil
  local members, entries, seqs, at, is_over = {}, {}, {}, 1, not is_open

  local function drop_taken()
    in_pieces('ZREM', READY, taken)
    in_pieces('HDEL', ENTRIES, taken)
    taken = {}
  end

  local function turn_page()
    drop_taken()
    members, seqs, at = {}, {}, 1
    local limit = math.min(most - #visitors, 1000) + gateway_limit
    local page = redis.call('ZRANGEBYSCORE', READY, least, through, 'WITHSCORES', 'LIMIT', 0, limit)
    -- A visitor whose entries may go on beyond the page is left to the next one.
    local cut = #page == 2 * limit and page[#page]
    for i = 1, #page, 2 do
      if page[i + 1] == cut then
        break
      end
      members[#members + 1] = page[i]
      seqs[#seqs + 1] = tonumber(page[i + 1])
    end
    entries = entries_of(members)
    is_over = #members == 0
  end

  local function peek()
    while not is_over do
      local member, seq = members[at], seqs[at]
      if not member then
        turn_page()
      elseif seq == last then
        -- The same visitor at another gateway.
        taken[#taken + 1] = member
        at = at + 1
      else
        local is_standing, _, network = parse(member, entries[at])
        if is_standing and not slots.withholds(network) then
          return true
        elseif droppable == 0 then
          is_over = true
        else
          droppable = droppable - 1
          set('withheld', queue.withheld + (is_standing and 1 or 0))
          places.drop_entry(member, seq)
          at = at + 1
        end
      end
    end
    return false
  end

  -- When the next poll of the visitor is due at any gateway: the time to arrive begins no earlier.
  local function latest_due(due)
    local other = at + 1
    while seqs[other] == seqs[at] do
      local is_standing, other_due = parse(members[other], entries[other])
      due = is_standing and math.max(due, other_due) or due
      other = other + 1
    end
    return due
  end

  local function admit(candidate)
    local member, seq = members[at], seqs[at]
    local _, due, network = parse(member, entries[at])
    local visitor = string.sub(member, 1, 32)
    taken[#taken + 1] = member
    visitors[#visitors + 1] = visitor
    local slot = slots.admit(seq, visitor, candidate, network, latest_due(due))
    last, at = seq, at + 1
    return slot
  end

  local function finish()
    drop_taken()
    if last then
      places.unready(last)
    end
    in_pieces('ZREM', LINE, visitors)
  end

  return { peek = peek, admit = admit, finish = finish }
end

-- Whether the next turn is of the invited, while visitors of both lanes may be admitted: `Round` of line/lane.rs.
local function is_turn_of_invited()
  local owed = queue.invited_owed + (queue.invited_share or 1000)
  set('invited_owed', owed >= 1000 and owed - 1000 or owed)
  return owed >= 1000
end

-- Admits the lowest of the ready set, as far as credit, cap and candidates allow. Returns how many.
local function admit_ready(active, first_candidate)
  local most = math.min(slots.room(active), #ARGV - first_candidate + 1)
  local through = places.known_through()
  local general = lane_between('-inf', through < INVITED and integer(through) or '(' .. integer(INVITED), most,
    admits(false))
  local invited = lane_between(integer(INVITED), '+inf', most, admits(true))
  local candidates, admitted = free_candidates(first_candidate), {}
  local candidate = most > 0 and candidates()
  while candidate do
    local lane = general.peek() and general
    if invited.peek() and (not lane or is_turn_of_invited()) then
      lane = invited
    end
    if not lane then
      break
    end
    admitted[#admitted + 1] = lane.admit(candidate)
    candidate = #admitted < most and candidates()
  end
  general.finish()
  invited.finish()
  slots.occupy(admitted)
  places.note_passed()
  return #admitted
end
