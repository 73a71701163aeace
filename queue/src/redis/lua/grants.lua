-- What is leased.

-- A grant is { consumer, line, topic, limit, delivery limit, entries, renewed, envelopes, count }:
-- among the entries a number stands for so many attempts that have ended; `renewed` has pairs of a
-- place and its own limit; until one has ended there are pairs of an envelope and how many of it,
-- and how many in all.
local function grant_of(id)
  local kept = call('HGET', key('grants'), id)
  return kept and cmsgpack.unpack(kept)
end

local function limit_of(grant, place_in)
  for i = 1, #grant[7], 2 do
    if grant[7][i] == place_in then
      return tonumber(grant[7][i + 1])
    end
  end
  return tonumber(grant[4])
end

local function places_of(one)
  return type(one) == 'number' and one or size_of(one)
end

local function put(entries, one)
  local last = #entries
  if type(one) == 'number' and type(entries[last]) == 'number' then
    entries[last] = entries[last] + one
  else
    entries[last + 1] = one
  end
end

-- Takes `count` attempts from a place on out of a grant, which is not kept yet: their entries
-- into `taken`, and into `ended` the places of those that were over.
local function take(grant, from, count, taken, ended)
  grant[8], grant[9] = {}, 0
  local left, at, to = {}, 0, from + count
  for i = 1, #grant[6] do
    local one = grant[6][i]
    local size = places_of(one)
    local first, last = math.max(from - at, 0), math.min(to - at, size)
    if first >= last then
      put(left, one)
    elseif type(one) == 'number' then
      for place_in = at + first, at + last - 1 do
        ended[#ended + 1] = place_in
      end
      put(left, one)
    elseif last - first == size then
      taken[#taken + 1] = one
      put(left, size)
    else
      local seq = seq_of(one)
      if first > 0 then
        put(left, run_of(seq, first))
      end
      taken[#taken + 1] = run_of(seq + first, last - first)
      put(left, last - first)
      if last < size then
        put(left, run_of(seq + last, size - last))
      end
    end
    at = at + size
  end
  for place_in = math.max(at, from), to - 1 do
    ended[#ended + 1] = place_in
  end
  grant[6] = left
end

-- Takes all attempts at once out of a grant of which none has ended: its entries, and how many of
-- each envelope; nothing if it is not all of them.
local function take_all(grant, from, count)
  if from > 0 or count ~= grant[9] then
    return nil
  end
  local entries, ended = grant[6], {}
  for i = 1, #grant[8], 2 do
    ended[grant[8][i]] = grant[8][i + 1]
  end
  grant[6] = {}
  return entries, ended
end

-- The first end of an attempt that is left in a grant; none if nothing is left.
local function end_of(grant)
  local earliest, at = nil, 0
  for i = 1, #grant[6] do
    local one = grant[6][i]
    if type(one) ~= 'number' then
      if #grant[7] == 0 then
        return tonumber(grant[4])
      end
      for place_in = at, at + size_of(one) - 1 do
        local limit = limit_of(grant, place_in)
        earliest = math.min(earliest or limit, limit)
      end
    end
    at = at + places_of(one)
  end
  return earliest
end

-- Keeps what is left of a grant.
local function keep_grant(id, grant)
  local earliest = end_of(grant)
  if earliest then
    call('HSET', key('grants'), id, cmsgpack.pack(grant))
    call('ZADD', key('ends'), earliest, id)
    return
  end
  local held = key('held' .. grant[1])
  call('HDEL', key('grants'), id)
  call('ZREM', held, id)
  if call('EXISTS', held) == 0 then
    call('ZREM', key('ends'), id, 'c' .. grant[1])
  else
    call('ZREM', key('ends'), id)
  end
end

-- All that is left of a grant, as single entries.
local function rest_of(grant)
  local singles = {}
  for i = 1, #grant[6] do
    if type(grant[6][i]) ~= 'number' then
      for _, single in ipairs(each_of(grant[6][i])) do
        singles[#singles + 1] = single
      end
    end
  end
  grant[6] = {}
  return singles
end
