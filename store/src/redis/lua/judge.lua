-- A transaction's conditions begin at an argument, behind their number: of each its kind, its key
-- (or its session) and what it demands. Where the writes begin, or what refuses them.
local function entry_of(name)
  local entry = find(name)
  return entry and { entry.version, entry.created, redis.call('HGET', VALUES, name) }
end

local function judge(place)
  local count = tonumber(ARGV[place])
  for number = 0, count - 1 do
    local first = place + 1 + 3 * number
    local kind, name, demand = ARGV[first], ARGV[first + 1], ARGV[first + 2]
    if kind == 'holds' then
      local kept = redis.call('HGET', SESSIONS, name)
      local epoch = kept and string.match(kept, '^%d+')
      if epoch ~= demand or not stands(name) then return nil, { 'refused', number } end
    else
      local entry = find(name)
      local holds = (kind == 'absent' and not entry)
        or (kind == 'present' and entry ~= nil)
        or (kind == 'version' and entry ~= nil and entry.version == demand)
        or (kind == 'created' and entry ~= nil and entry.created == demand)
      if not holds then return nil, { 'refused', number, entry_of(name) } end
    end
  end
  return place + 1 + 3 * count
end
