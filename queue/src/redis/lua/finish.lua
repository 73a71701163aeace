-- Items that end.

-- A topic holds so many fewer.
local function free(topic, items)
  if items > 0 then
    call('HINCRBY', key('t' .. topic), 'live', -items)
    if call('HDEL', key('t' .. topic), 'crowded') == 1 then
      ring()
    end
  end
end

-- How many of these items no other line has yet to settle; `settle` notes that this one has, and
-- which envelopes nobody needs any more. `ended` has of each envelope how many there are.
local function last_of(topic, entries, ended, settle)
  local numbers, last, shares = {}, 0, {}
  for number, count in pairs(ended) do
    numbers[#numbers + 1], last = number, last + count
  end
  if call('EXISTS', key('h' .. topic)) == 0 then
    return last, shares
  end
  local kept = call('HMGET', key('h' .. topic), unpack(numbers))
  for i = 1, #numbers do
    shares[numbers[i]] = kept[i] and cmsgpack.unpack(kept[i]) or nil
  end
  for i = 1, #entries do
    local share, before = shares[number_of(entries[i])], tonumber(entries[i]:sub(15, 16))
    if share then
      for at = before + 1, before + size_of(entries[i]) do
        share[at] = share[at] - 1
        last = last - (share[at] > 0 and 1 or 0)
      end
    end
  end
  if settle then
    for number, share in pairs(shares) do
      share.open = 0
      for at = 1, #share do
        share.open = share.open + share[at]
      end
      if share.open == 0 then
        call('HDEL', key('h' .. topic), number)
      else
        call('HSET', key('h' .. topic), number, cmsgpack.pack({ unpack(share) }))
      end
    end
  end
  return last, shares
end

-- How many there are of each envelope.
local function by_envelope(entries)
  local ended = {}
  for i = 1, #entries do
    local number = number_of(entries[i])
    ended[number] = (ended[number] or 0) + size_of(entries[i])
  end
  return ended
end

-- Items in flight, at most 100, are done in this line, or dead letters of it; `ended` says how
-- many there are of each envelope, where that is known.
local function finish(line, topic, entries, ended)
  if #entries == 0 then
    return
  end
  ended = ended or by_envelope(entries)
  local last, shares = last_of(topic, entries, ended, true)
  local numbers, size, gone, rest, empty = {}, 0, {}, {}, {}
  for number, count in pairs(ended) do
    numbers[#numbers + 1], size = number, size + count
  end
  local counts = call('HMGET', key('c' .. line), unpack(numbers))
  for i = 1, #numbers do
    local number = numbers[i]
    local left = counts[i] - ended[number]
    if left > 0 then
      rest[#rest + 1], rest[#rest + 2] = number, left
    else
      gone[#gone + 1] = number
    end
    if shares[number] and shares[number].open == 0 or not shares[number] and left <= 0 then
      empty[#empty + 1] = envelope_of(topic, number)
    end
  end
  if #rest > 0 then
    call('HSET', key('c' .. line), unpack(rest))
  end
  if #gone > 0 then
    call('HDEL', key('c' .. line), unpack(gone))
    call('ZREM', key('a' .. line), unpack(gone))
  end
  if #empty > 0 then
    call('UNLINK', unpack(empty))
  end
  call('HINCRBY', key('l' .. line), 'flight', -size)
  free(topic, last)
  local names = {}
  for i = 1, #entries do
    if not is_plain(entries[i]) then
      names[#names + 1] = key_of(entries[i])
    end
  end
  if #names > 0 then
    advance(line, names)
  end
end

-- An item in flight is given up. Its letter has its own body, so that it keeps no envelope. An
-- item whose body somebody has taken away leaves no letter.
local function bury(line, topic, entry, reason, attempts)
  local body = body_of(topic, entry)
  if body ~= '' then
    local id, published = entry:sub(1, 16), call('ZSCORE', key('a' .. line), number_of(entry))
    call('ZADD', key('e' .. line), id, id)
    call('HSET', key('v' .. line), id, cmsgpack.pack({ reason, attempts, published or int(now), entry }))
    call('HSET', key('x' .. line), id, body)
  end
  finish(line, topic, { entry })
end
