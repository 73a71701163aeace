-- Publications, as a publish and a step have them: how many topics, then of each topic its number,
-- how many items, their ids in one piece, how many envelopes, of each how many items it has and
-- itself; in one piece the keys of all items, empty where one has none, or nothing at all; and in
-- one piece of each item that has more than a key which of them it is, its delay, and what its
-- entry has behind the digits.

local function sections_at(at)
  local sections, topics = {}, tonumber(ARGV[at])
  at = at + 1
  for s = 1, topics do
    local envelopes = tonumber(ARGV[at + 3])
    sections[s] = { topic = ARGV[at], n = tonumber(ARGV[at + 1]), blob = ARGV[at + 2], envelopes = envelopes,
      at = at + 4, keys = ARGV[at + 4 + 2 * envelopes], odd = ARGV[at + 5 + 2 * envelopes] }
    at = at + 6 + 2 * envelopes
  end
  return sections, at
end

-- Forgets ids that are over; whether there are more, for the next call.
local function forget(section)
  local topic, budget, forgotten, has_more = section.topic, 2 * LARGEST, 0, false
  local seen, log = key('s' .. topic), key('g' .. topic)
  while true do
    local over, is_late = section.ids - section.most, section.oldest and section.oldest + section.window <= now
    if not is_late and over <= 0 then
      break
    end
    has_more = forgotten >= budget
    if has_more then
      break
    end
    local ids = cmsgpack.unpack(call('LINDEX', log, 1))
    if is_late or over >= #ids then
      over = #ids
      call('SREM', seen, unpack(ids))
      call('LPOP', log, 2)
      section.oldest = tonumber(call('LINDEX', log, 0))
    else
      call('SREM', seen, unpack(ids, 1, over))
      call('LSET', log, 1, cmsgpack.pack({ unpack(ids, over + 1) }))
    end
    section.ids, forgotten = section.ids - over, forgotten + over
  end
  if forgotten > 0 then
    call('HSET', key('t' .. topic), 'ids', int(section.ids), 'oldest', section.oldest and int(section.oldest) or '')
  end
  return has_more
end

-- Looks what of a section is new, and whether the topic has room for it where so many go; one that
-- is alone is stored if this is not refused.
local function judge(section, freed, is_alone)
  local topic, n = section.topic, section.n
  local kept = call('HMGET', key('t' .. topic), 'capacity', 'window', 'most', 'live', 'lines', 'ids', 'oldest',
    'envelopes')
  if not kept[1] then
    return 'GONE'
  end
  section.window, section.most, section.lines = tonumber(kept[2]), tonumber(kept[3]), kept[5]
  section.ids, section.oldest = tonumber(kept[6]), tonumber(kept[7] or nil)
  section.live, section.last = tonumber(kept[4]), tonumber(kept[8])
  local has_debt = forget(section)
  section.names = cmsgpack.unpack(section.blob)
  local capacity = tonumber(kept[1])
  if is_alone and n == 1 and section.live < capacity then
    -- Whether it is new is known from remembering it.
    section.new = call('SADD', key('s' .. topic), section.names[1])
    section.known, section.is_remembered = { 1 - section.new }, true
    return section.new == 0 and has_debt and 'AGAIN' or nil
  end
  local known = call('SMISMEMBER', key('s' .. topic), unpack(section.names))
  local new = n
  for i = 1, n do
    new = new - known[i]
  end
  section.new, section.known = new, known
  if new < n and has_debt then
    return 'AGAIN'
  end
  if new > freed and section.live - freed + new > capacity then
    return 'FULL', topic, kept[1]
  end
end

-- Places new items by their keys: of each key the first, if none stands there yet.
local function place_keyed(line, names, entries)
  local distinct, firsts, at_of, more = {}, {}, {}, {}
  for i = 1, #names do
    local at = at_of[names[i]]
    if at then
      local rest = more[at] or {}
      more[at], rest[#rest + 1] = rest, entries[i]
    else
      at = #distinct + 1
      distinct[at], firsts[at], at_of[names[i]] = names[i], entries[i], at
    end
  end
  local lists, holders = key('k' .. line .. ':'), call('HMGET', key('o' .. line), unpack(distinct))
  local held, ranked, waits = {}, {}, #names
  for i = 1, #distinct do
    local rest = more[i]
    if holders[i] then
      if rest then
        call('RPUSH', lists .. distinct[i], firsts[i], unpack(rest))
      else
        call('RPUSH', lists .. distinct[i], firsts[i])
      end
    else
      held[#held + 1], held[#held + 2], waits = distinct[i], firsts[i], waits - 1
      place(line, firsts[i], due_of(firsts[i]), ranked)
      if rest then
        call('RPUSH', lists .. distinct[i], unpack(rest))
      end
    end
  end
  if #held > 0 then
    call('HSET', key('o' .. line), unpack(held))
  end
  if waits > 0 then
    call('HINCRBY', key('l' .. line), 'behind', waits)
  end
  rank(line, ranked)
end

local DIGITS = '00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748'
  .. '495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899'

-- Sorts the new items of a section: runs of plain ones, those of keys, and any others.
local function sort(section)
  local runs, names, keyed, others, plain, sizes = {}, {}, {}, {}, 0, {}
  local keys, odd, rest, nth = nil, {}, nil, 0
  keys = section.keys ~= '' and cmsgpack.unpack(section.keys) or nil
  if section.odd ~= '' then
    rest = cmsgpack.unpack(section.odd)
    for i = 1, #rest, 3 do
      odd[rest[i]] = i
    end
  end
  for e = 1, section.envelopes do
    local digits, from, new = string.format('%014d', section.last + e), nil, 0
    local n = tonumber(ARGV[section.at + 2 * e - 2])
    for place_in = 0, n do
      nth = nth + 1
      local is_new = place_in < n and section.known[nth] == 0
      local name, at = is_new and keys and keys[nth] ~= '' and keys[nth], is_new and odd[nth]
      if is_new then
        new = new + 1
      end
      if is_new and not name and not at then
        from = from or place_in
      elseif from then
        runs[#runs + 1], plain = run_of((section.last + e) * LARGEST + from, place_in - from), plain + place_in - from
        from = nil
      end
      if name or at then
        local entry = digits .. DIGITS:sub(2 * place_in + 1, 2 * place_in + 2) .. (at and rest[at + 2] or '=' .. name)
        if at and rest[at + 1] > 0 then
          entry = full_of(entry, 0, 0, now + rest[at + 1])
        end
        if name then
          names[#names + 1], keyed[#keyed + 1] = name, entry
        else
          others[#others + 1] = entry
        end
      end
    end
    nth = nth - 1
    sizes[e] = new
  end
  return runs, names, keyed, others, plain, sizes
end

-- Of several lines each has the items before it.
local function share(section, lines)
  local nth = 0
  for e = 1, section.envelopes do
    local open, sum = {}, 0
    for place_in = 1, tonumber(ARGV[section.at + 2 * e - 2]) do
      nth = nth + 1
      open[place_in] = section.known[nth] == 0 and lines or 0
      sum = sum + open[place_in]
    end
    if sum > 0 then
      call('HSET', key('h' .. section.topic), string.format('%014d', section.last + e), cmsgpack.pack(open))
    end
  end
end

local function store(section)
  local topic, new = section.topic, section.new
  if new == 0 then
    return
  end
  local names, log = section.names, section.blob
  if new < section.n then
    names = {}
    for i = 1, section.n do
      if section.known[i] == 0 then
        names[#names + 1] = section.names[i]
      end
    end
    log = cmsgpack.pack(names)
  end
  if not section.is_remembered then
    call('SADD', key('s' .. topic), unpack(names))
  end
  call('RPUSH', key('g' .. topic), int(now), log)
  local runs, keys, keyed, others, plain, sizes
  if section.envelopes == 1 and new == section.n and section.keys == '' and section.odd == '' then
    runs, keyed, others, plain, sizes = { run_of((section.last + 1) * LARGEST, new) }, {}, {}, new, { new }
  else
    runs, keys, keyed, others, plain, sizes = sort(section)
  end
  local envelopes, ages, counts = {}, {}, {}
  for e = 1, section.envelopes do
    if sizes[e] > 0 then
      local number = string.format('%014d', section.last + e)
      envelopes[#envelopes + 1] = key('p' .. topic .. ':' .. number)
      envelopes[#envelopes + 1] = ARGV[section.at + 2 * e - 1]
      ages[#ages + 1], ages[#ages + 2] = now, number
      counts[#counts + 1], counts[#counts + 2] = number, sizes[e]
    end
  end
  call('MSET', unpack(envelopes))
  local lines = 0
  for line in string.gmatch(section.lines, '%d+') do
    lines = lines + 1
    call('ZADD', key('a' .. line), unpack(ages))
    call('HSET', key('c' .. line), unpack(counts))
    if plain > 0 then
      call('RPUSH', key('f' .. line), unpack(runs))
      call('HINCRBY', key('l' .. line), 'fresh', plain)
    end
    if #keyed > 0 then
      place_keyed(line, keys, keyed)
    end
    if #others > 0 then
      local ranked = {}
      for i = 1, #others do
        place(line, others[i], due_of(others[i]), ranked)
      end
      rank(line, ranked)
    end
    stir(line)
  end
  if lines > 1 then
    share(section, lines)
  end
  section.ids = section.ids + new
  call('HSET', key('t' .. topic), 'live', int(section.live + new), 'ids', int(section.ids), 'oldest',
    int(section.oldest or now), 'envelopes', int(section.last + section.envelopes))
  section.oldest = section.oldest or now
  forget(section)
end

-- What became of each publication, a digit each: 1 if it was taken.
local function taken_of(sections)
  local digits = {}
  for s = 1, #sections do
    local known = sections[s].known
    for i = 1, sections[s].n do
      digits[#digits + 1] = 1 - known[i]
    end
  end
  return table.concat(digits)
end
