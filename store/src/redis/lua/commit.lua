-- How keys and sessions change. ARGV[1] is how many changes the history keeps.
local MOST_HISTORY_BYTES = 64 * 1024 * 1024
local MOST_SWEPT = 3 * MOST
local MOST_COMMITS = 10000

-- The commit that is written, its changes so far, and the bytes and the last commit of all.
local commit, told, added, latest = nil, 0, 0, nil

-- Begins a commit, and gives its version as text.
local function begin()
  -- The one before is not there yet if it is what the prefix began with.
  local before = int(counter)
  commit, told = int(mint()), 0
  redis.call('ZADD', COMMITS, before, before, commit, commit)
  redis.call('ZREMRANGEBYRANK', COMMITS, 0, -(MOST_COMMITS + 1))
  return commit
end

-- Adds a change to the history.
local function tell(bytes, ...)
  redis.call('XADD', CHANGES, commit .. '-' .. told, ...)
  told, added, latest = told + 1, added + bytes, commit
end

local function drop(name)
  redis.call('HDEL', ENTRIES, name)
  redis.call('HDEL', VALUES, name)
  redis.call('ZREM', NAMES, name)
  tell(#name, 'k', name)
end

local function delete(name)
  local entry = find(name)
  if not entry then return end
  if entry.session ~= '' then redis.call('ZREM', tied_to(entry.session), name) end
  drop(name)
end

local function put(name, value, session)
  local entry = find(name) or { created = commit, session = '' }
  if entry.session ~= session then
    if entry.session ~= '' then redis.call('ZREM', tied_to(entry.session), name) end
    if session ~= '' then redis.call('ZADD', tied_to(session), 0, name) end
  end
  redis.call('HSET', ENTRIES, name, commit .. ' ' .. entry.created .. ' ' .. session)
  redis.call('HSET', VALUES, name, value)
  redis.call('ZADD', NAMES, 0, name)
  tell(#name + #value, 'k', name, 'c', entry.created, 'v', value)
end

-- Ends a session, and deletes its keys in one commit.
local function close(session)
  redis.call('ZREM', DEADLINES, session)
  redis.call('HDEL', SESSIONS, session)
  standing[session] = false
  begin()
  for _, name in ipairs(redis.call('ZRANGE', tied_to(session), 0, -1)) do
    drop(name)
  end
  redis.call('DEL', tied_to(session))
end

-- Ends the sessions whose time has come, of as many keys as one script may touch: how many,
-- and whether that is all of them.
local function expire()
  local ended, items = 0, 0
  while true do
    local first = redis.call('ZRANGE', DEADLINES, '-inf', int(now), 'BYSCORE', 'LIMIT', 0, 1)[1]
    if not first then return ended, true end
    items = items + 1 + redis.call('ZCARD', tied_to(first))
    if ended > 0 and items > MOST then return ended, false end
    close(first)
    ended = ended + 1
  end
end

-- Drops the oldest commits of a history that is too long, whole and never the latest, and
-- remembers up to where.
local function trim()
  if added == 0 then return end
  local bytes = redis.call('HINCRBY', HISTORY, 'bytes', added)
  local excess = redis.call('XLEN', CHANGES) - tonumber(ARGV[1])
  local floor, looked, from = nil, 0, '-'
  local function is_enough()
    return (excess <= 0 and bytes <= MOST_HISTORY_BYTES) or looked >= MOST_SWEPT
  end
  while from and not (floor == nil and is_enough()) do
    for _, change in ipairs(redis.call('XRANGE', CHANGES, from, '+', 'COUNT', 10)) do
      local id, fields = change[1], change[2]
      local version = string.match(id, '^%d+')
      if version == latest or (version ~= floor and is_enough()) then
        from = nil
        break
      end
      floor, looked, excess, from = version, looked + 1, excess - 1, '(' .. id
      bytes = bytes - #fields[2] - #(fields[6] or '')
    end
  end
  if not floor then return end
  redis.call('XTRIM', CHANGES, 'MINID', '=', int(tonumber(floor) + 1))
  redis.call('HSET', HISTORY, 'floor', floor, 'bytes', int(bytes))
end
