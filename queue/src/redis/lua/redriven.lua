-- Dead letters that are made ready again, at most a hundred at a time.

-- How many more items a topic would have: those that no line has before it.
local function added_by(topic, line, seqs)
  local added = 0
  for i = 1, #seqs do
    if call('ZSCORE', key('e' .. line), seqs[i]) then
      local kept = call('HGET', key('h' .. topic), number_of(seqs[i]))
      local open = kept and cmsgpack.unpack(kept)[seqs[i]:sub(15, 16) + 1] or 0
      added = added + (open > 0 and 0 or 1)
    end
  end
  return added
end

-- Notes one more line that has an item before it, where its topic has several.
local function open_again(topic, entry, is_there)
  local number, at = number_of(entry), entry:sub(15, 16) + 1
  local kept, lines = call('HGET', key('h' .. topic), number), call('HGET', key('t' .. topic), 'lines')
  if kept or (not is_there and lines:find(' ', 1, true)) then
    local share = kept and cmsgpack.unpack(kept) or {}
    for i = #share + 1, at do
      share[i] = 0
    end
    share[at] = share[at] + 1
    call('HSET', key('h' .. topic), number, cmsgpack.pack(share))
  end
end

-- Puts a body back into its envelope, where that has gone.
local function enclose(topic, entry, body)
  local name, place_in = envelope_of(topic, number_of(entry)), tonumber(entry:sub(15, 16))
  local old = call('GET', name) or '\0'
  local n, bodies = old:byte(1), {}
  for i = 0, n - 1 do
    local from = i == 0 and 1 + 4 * n or struct.unpack('>I4', old, 4 * i - 2)
    bodies[i + 1] = old:sub(from + 1, (struct.unpack('>I4', old, 4 * i + 2)))
  end
  if bodies[place_in + 1] and #bodies[place_in + 1] > 0 then
    return
  end
  for i = n + 1, place_in do
    bodies[i] = ''
  end
  bodies[place_in + 1] = body
  local ends, last = {}, 1 + 4 * #bodies
  for i = 1, #bodies do
    last = last + #bodies[i]
    ends[i] = struct.pack('>I4', last)
  end
  call('SET', name, string.char(#bodies) .. table.concat(ends) .. table.concat(bodies))
end

-- A letter of a key is before what was published after it, but for what is in flight.
local function stand_in(line, name, entry, ranked)
  local first = call('HGET', key('o' .. line), name)
  if first then
    local due = seq_of(entry) < seq_of(first) and call('ZSCORE', key('w' .. line), first)
    if due then
      call('ZREM', key('w' .. line), first)
    elseif seq_of(entry) > seq_of(first) or not take_ready(line, first) then
      call('ZADD', key('u' .. line .. ':' .. name), 0, entry)
      call('HINCRBY', key('l' .. line), 'early', 1)
      return
    end
    step_back(line, name, with_due(first, tonumber(due or 0)))
  end
  call('HSET', key('o' .. line), name, entry)
  place(line, entry, 0, ranked)
end

-- Makes them ready again, as if they had never been leased; how many there were.
local function redrive(topic, line, seqs)
  local dead, redriven = key('v' .. line), 0
  for i = 1, #seqs do
    local kept = call('HGET', dead, seqs[i])
    if kept then
      local letter = cmsgpack.unpack(kept)
      local published, entry = letter[3], letter[4]
      local number = number_of(entry)
      open_again(topic, entry, call('EXISTS', envelope_of(topic, number)) == 1)
      enclose(topic, entry, call('HGET', key('x' .. line), seqs[i]))
      call('ZREM', key('e' .. line), seqs[i])
      call('HDEL', dead, seqs[i])
      call('HDEL', key('x' .. line), seqs[i])
      call('HINCRBY', key('c' .. line), number, 1)
      call('ZADD', key('a' .. line), published, number)
      entry = is_bare(entry) and entry or full_of(entry, 0, 0, 0)
      local ranked, name = {}, key_of(entry)
      if name then
        stand_in(line, name, entry, ranked)
      else
        place(line, entry, 0, ranked)
      end
      -- At once: the next of its key may come before it.
      rank(line, ranked)
      redriven = redriven + 1
    end
  end
  return redriven
end

-- Whether a topic has room for so many more; they are counted then.
local function admit(topic, added)
  local kept = call('HMGET', key('t' .. topic), 'live', 'capacity')
  if added > 0 and kept[1] + added > tonumber(kept[2]) then
    return false, kept[2]
  end
  call('HINCRBY', key('t' .. topic), 'live', added)
  return true
end
