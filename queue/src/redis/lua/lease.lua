-- ARGV: the consumer, which of its asks this is, the last grant that it has heard of if there may
-- be a later one, its lease, time limit and delivery limit, the most, the fewest, 1 for one
-- bundle, the bytes or 0 for no end, and of each topic its number and the consumer's line.
local consumer, ask, heard = ARGV[1], ARGV[2], ARGV[3]
local lease, limit = tonumber(ARGV[4]), tonumber(ARGV[5])
local most, fewest, bytes_end = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[10])
local LINES = 11
if overdue() then
  return reply('SWEEP')
end

-- An ask that its consumer has given up may come after a later one, or after its end.
local last = call('SET', key('turn' .. consumer), ask, 'EX', 86400, 'GET')
if last and tonumber(last) > tonumber(ask) then
  call('SET', key('turn' .. consumer), last, 'EX', 86400)
  return reply('LATE')
end

-- A consumer asks once at a time: a later grant's answer was lost, and nobody has its items.
if heard ~= '' then
  local unheard = call('ZRANGEBYSCORE', key('held' .. consumer), '(' .. heard, '+inf', 'LIMIT', 0, 1)[1]
  if unheard then
    local grant = grant_of(unheard)
    put_back(grant[2], rest_of(grant), {})
    keep_grant(unheard, grant)
    return reply('AGAIN')
  end
end

-- Mostly nothing is delayed, and nothing ready but in the order of publishing.
local odd = {}
for at = LINES, #ARGV, 2 do
  local line = ARGV[at + 1]
  odd[line] = call('EXISTS', key('r' .. line), key('q' .. line), key('w' .. line)) > 0
  if odd[line] then
    local due = call('ZRANGEBYSCORE', key('w' .. line), '-inf', now, 'LIMIT', 0, LARGEST)
    if #due > 0 then
      local ranked = {}
      call('ZREM', key('w' .. line), unpack(due))
      for i = 1, #due do
        place(line, due[i], 0, ranked)
      end
      rank(line, ranked)
    end
    if #due == LARGEST then
      return reply('AGAIN')
    end
  end
end

local function fresh_in(line)
  return tonumber(call('HGET', key('l' .. line), 'fresh') or 0)
end

-- The rank and sequence of what comes first among items without a bundle.
local function first_loose(line)
  local first, fresh = call('ZRANGE', key('r' .. line), 0, 0, 'WITHSCORES'), call('LINDEX', key('f' .. line), 0)
  if first[1] and (not fresh or tonumber(first[2]) < 255 or seq_of(first[1]) < seq_of(fresh)) then
    return tonumber(first[2]), seq_of(first[1])
  end
  return 255, seq_of(fresh)
end

-- The bundle of at least the fewest whose first comes first; false is that of items without one.
local function bundle_in(line)
  local best, rank, seq
  if fresh_in(line) + call('ZCARD', key('r' .. line)) >= fewest then
    best, rank, seq = false, first_loose(line)
  end
  local sizes = call('ZRANGEBYSCORE', key('y' .. line), fewest, '+inf')
  for i = 1, #sizes do
    local first = call('ZRANGE', key('z' .. line .. ':' .. sizes[i]), 0, 0, 'WITHSCORES')
    local name, its_rank = first[1], tonumber(first[2])
    if name and (not rank or its_rank < rank or its_rank == rank and seq_of(name) < seq) then
      best, rank, seq = name:sub(17), its_rank, seq_of(name)
    end
  end
  return best
end

local picks = {}
if ARGV[9] == '1' then
  for at = LINES, #ARGV, 2 do
    local bundle = bundle_in(ARGV[at + 1])
    if bundle ~= nil then
      picks[1] = { at, bundle }
      break
    end
  end
else
  local ready = 0
  for at = LINES, #ARGV, 2 do
    local line = ARGV[at + 1]
    if fewest > 1 then
      ready = ready + fresh_in(line) + call('ZCARD', key('r' .. line)) + call('ZCARD', key('q' .. line))
    end
    picks[#picks + 1] = { at }
  end
  if fewest > 1 and ready < fewest then
    picks = {}
  end
end

-- Takes plain items in the order of publishing: whole runs, and of the last what is wanted.
local function take_fresh(line, wanted)
  local runs, taken, at_once = {}, 0, 1
  while taken < wanted do
    local popped = call('LPOP', key('f' .. line), math.min(at_once, wanted - taken))
    if not popped then
      break
    end
    local rest = {}
    for i = #popped, 1, -1 do
      rest[#rest + 1] = popped[i]
    end
    while #rest > 0 and taken < wanted do
      local run = rest[#rest]
      local size, fits = size_of(run), wanted - taken
      if size <= fits then
        runs[#runs + 1], rest[#rest] = run, nil
      else
        runs[#runs + 1], rest[#rest] = run_of(seq_of(run), fits), run_of(seq_of(run) + fits, size - fits)
      end
      taken = taken + math.min(size, fits)
    end
    if #rest > 0 then
      call('LPUSH', key('f' .. line), unpack(rest))
    end
    at_once = at_once * 2
  end
  if taken > 0 then
    call('HINCRBY', key('l' .. line), 'fresh', -taken)
  end
  return runs, taken
end

local bytes, granted = 0, 0

-- What is ready by rank, as far as it may be wanted.
local function ranked_in(name, wanted)
  local found, source = call('ZRANGE', key(name), 0, wanted - 1, 'WITHSCORES'), {}
  for i = 1, #found, 2 do
    source[#source + 1] = { found[i], tonumber(found[i + 1]), seq_of(found[i]) }
  end
  return source
end

local function fresh_of(line, wanted)
  local runs, source = call('LRANGE', key('f' .. line), 0, wanted - 1), {}
  for i = 1, #runs do
    if #source >= wanted then
      break
    end
    for _, entry in ipairs(each_of(runs[i])) do
      source[#source + 1] = { entry, 255, seq_of(entry) }
    end
  end
  return source
end

-- Takes what comes first of all that is ready, of one bundle if one is named.
local function take_first(topic, line, bundle, wanted)
  local sources = { {}, {}, {} }
  if bundle then
    sources[3] = ranked_in('b' .. line .. ':' .. bundle, wanted)
  else
    sources[1], sources[2] = fresh_of(line, wanted), ranked_in('r' .. line, wanted)
    if bundle == nil then
      sources[3] = ranked_in('q' .. line, wanted)
    end
  end
  local next_of, entries, taken, counts, ranked = { 1, 1, 1 }, {}, 0, { 0, 0, 0 }, {}
  while taken < wanted and not (bytes_end > 0 and granted + taken >= fewest and bytes >= bytes_end) do
    local best, one
    for s = 1, 3 do
      local other = sources[s][next_of[s]]
      if other and (not one or other[2] < one[2] or other[2] == one[2] and other[3] < one[3]) then
        best, one = s, other
      end
    end
    if not one then
      break
    end
    local before = entries[#entries]
    if best == 1 and before and is_plain(before) and number_of(before) == number_of(one[1])
      and seq_of(before) + size_of(before) == one[3] then
      entries[#entries] = run_of(seq_of(before), size_of(before) + 1)
    else
      entries[#entries + 1] = one[1]
    end
    next_of[best], counts[best], taken = next_of[best] + 1, counts[best] + 1, taken + 1
    bytes = bytes + (bytes_end > 0 and payload_of(topic, one[1]) or 0)
    if best == 2 then
      ranked[#ranked + 1] = one[1]
    elseif best == 3 then
      take_ready(line, one[1])
    end
  end
  if counts[1] > 0 then
    take_fresh(line, counts[1])
  end
  if #ranked > 0 then
    call('ZREM', key('r' .. line), unpack(ranked))
  end
  return entries, taken
end

-- What comes first where all that is ready is ready by rank.
local function take_ranked(line, wanted)
  local entries = call('ZRANGE', key('r' .. line), 0, wanted - 1)
  if #entries > 0 then
    call('ZREMRANGEBYRANK', key('r' .. line), 0, #entries - 1)
  end
  return entries, #entries
end

local function take_ready_of(topic, line, bundle, wanted)
  if bytes_end > 0 or bundle then
    return take_first(topic, line, bundle, wanted)
  elseif not odd[line] then
    return take_fresh(line, wanted)
  elseif call('EXISTS', key('f' .. line), key('q' .. line)) == 0 then
    return take_ranked(line, wanted)
  end
  return take_first(topic, line, bundle, wanted)
end

local parts, ends = {}, {}
for p = 1, #picks do
  local topic, line = ARGV[picks[p][1]], ARGV[picks[p][1] + 1]
  if granted == most then
    break
  end
  local entries, taken = take_ready_of(topic, line, picks[p][2], most - granted)
  if taken > 0 then
    -- Of 256 in a row there are 128 that begin with a multiple of it.
    local id = math.ceil(mint(2 * ATTEMPTS) / ATTEMPTS)
    local name = int(id)
    local whole, single, counts = bodies_of(topic, entries)
    call('HSET', key('grants'), name,
      cmsgpack.pack({ consumer, line, topic, now + limit, ARGV[6], entries, {}, counts, taken }))
    ends[#ends + 1], ends[#ends + 2] = now + limit, name
    call('ZADD', key('held' .. consumer), id, name)
    call('HINCRBY', key('l' .. line), 'flight', taken)
    granted = granted + taken
    parts[#parts + 1] = { line, int(id * ATTEMPTS), entries, whole, single }
  end
end
if granted > 0 then
  call('ZADD', key('ends'), now + lease, 'c' .. consumer, unpack(ends))
  return reply('OK', parts)
end

-- What a failover has lost is made again for whoever asks for it by name, and not for a consumer
-- that had joined it: it would wait here while everything came to another line.
for at = LINES, #ARGV, 2 do
  local lines = call('HGET', key('t' .. ARGV[at]), 'lines')
  if not (lines and lines:find(ARGV[at + 1], 1, true)) then
    return reply('GONE', ARGV[at])
  end
end
call('ZADD', key('ends'), 'XX', now + lease, 'c' .. consumer)
local due = next_end() or math.huge
for at = LINES, #ARGV, 2 do
  call('HSET', key('l' .. ARGV[at + 1]), 'hungry', 1)
  local first = call('ZRANGE', key('w' .. ARGV[at + 1]), 0, 0, 'WITHSCORES')[2]
  due = math.min(due, tonumber(first or due))
end
return reply('NONE', due < math.huge and int(due - now) or '')
