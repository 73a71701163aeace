-- What can be received other than in the order of publishing, and what is delayed.

-- Takes a bundle out of the lists by size, or puts it there, around a change of what it has.
local function list_bundle(line, bundle, is_listed)
  local items = key('b' .. line .. ':' .. bundle)
  local count = math.min(call('ZCARD', items), LARGEST)
  if count == 0 then
    return
  end
  local sized, first = key('z' .. line .. ':' .. count), call('ZRANGE', items, 0, 0, 'WITHSCORES')
  local name = first[1]:sub(1, 16) .. bundle
  if is_listed then
    call('ZADD', sized, first[2], name)
    call('ZADD', key('y' .. line), count, count)
  else
    call('ZREM', sized, name)
    if call('EXISTS', sized) == 0 then
      call('ZREM', key('y' .. line), count)
    end
  end
end

-- Places an item: at once where it is delayed or has a bundle, else once `rank` is called.
local function place(line, entry, due, ranked)
  local bundle = due <= now and not is_bare(entry) and bundle_of(entry)
  if due <= now and not bundle then
    local at = #ranked
    ranked[at + 1], ranked[at + 2] = rank_of(entry), entry
  elseif bundle then
    list_bundle(line, bundle, false)
    call('ZADD', key('b' .. line .. ':' .. bundle), rank_of(entry), entry)
    call('ZADD', key('q' .. line), rank_of(entry), entry)
    list_bundle(line, bundle, true)
    stir(line)
  else
    call('ZADD', key('w' .. line), due, entry)
    stir(line)
  end
end

local function rank(line, ranked)
  if #ranked > 0 then
    call('ZADD', key('r' .. line), unpack(ranked))
    stir(line)
  end
end

-- Takes an item out of those that are ready by rank; whether it was there.
local function take_ready(line, entry)
  local bundle = bundle_of(entry)
  if not bundle then
    return call('ZREM', key('r' .. line), entry) == 1
  end
  local items = key('b' .. line .. ':' .. bundle)
  if not call('ZSCORE', items, entry) then
    return false
  end
  list_bundle(line, bundle, false)
  call('ZREM', items, entry)
  call('ZREM', key('q' .. line), entry)
  list_bundle(line, bundle, true)
  return true
end
