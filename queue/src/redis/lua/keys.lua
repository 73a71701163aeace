-- The items of a key, in their order: the first of them stands before the others, placed or in
-- flight, and they wait for its end. A letter that is redriven meanwhile comes before what was
-- published after it.

-- How many wait in a line behind their keys, and how many redriven letters do.
local function waiting_in(line)
  local kept = call('HMGET', key('l' .. line), 'behind', 'early')
  return tonumber(kept[1] or 0), tonumber(kept[2] or 0)
end

-- The first redriven letter that waits for a key, if it is before another; taken out of its set.
local function take_early(line, name, other)
  local early = key('u' .. line .. ':' .. name)
  local first = call('ZRANGE', early, 0, 0)[1]
  if first and (not other or seq_of(first) < seq_of(other)) then
    call('ZREM', early, first)
    call('HINCRBY', key('l' .. line), 'early', -1)
    return first
  end
end

local function step_back(line, name, entry)
  call('LPUSH', key('k' .. line .. ':' .. name), entry)
  call('HINCRBY', key('l' .. line), 'behind', 1)
end

-- Of each of these keys, at most 100, the first has ended, and who follows is placed.
local function advance(line, names)
  local behind, early = waiting_in(line)
  if behind + early == 0 then
    call('HDEL', key('o' .. line), unpack(names))
    return
  end
  local lists, held, free, ranked, taken = key('k' .. line .. ':'), {}, {}, {}, 0
  for i = 1, #names do
    local first = call('LPOP', lists .. names[i])
    taken = taken + (first and 1 or 0)
    local before = early > 0 and take_early(line, names[i], first)
    if before then
      if first then
        step_back(line, names[i], first)
      end
      first = before
    end
    if first then
      held[#held + 1], held[#held + 2] = names[i], first
      place(line, first, due_of(first), ranked)
    else
      free[#free + 1] = names[i]
    end
  end
  if taken > 0 then
    call('HINCRBY', key('l' .. line), 'behind', -taken)
  end
  if #free > 0 then
    call('HDEL', key('o' .. line), unpack(free))
  end
  if #held > 0 then
    call('HSET', key('o' .. line), unpack(held))
  end
  rank(line, ranked)
end

-- Items in flight come back, to be leased again from `due`: singles, at most 100.
local function put_back(line, entries, dues)
  if #entries == 0 then
    return
  end
  call('HINCRBY', key('l' .. line), 'flight', -#entries)
  local ranked, _, early = {}, waiting_in(line)
  for i = 1, #entries do
    local entry, due = entries[i], dues[i] or 0
    local name = key_of(entry)
    if name then
      entry = with_due(entry, due > now and due or 0)
      local before = early > 0 and take_early(line, name, entry)
      if before then
        step_back(line, name, entry)
        entry, due = before, 0
      end
      call('HSET', key('o' .. line), name, entry)
    end
    place(line, entry, due, ranked)
  end
  rank(line, ranked)
end
