-- Where everything is, and what stands under a key. mod.rs draws the model.
local ENTRIES, VALUES, NAMES = key('entries'), key('values'), key('names')
local SESSIONS, DEADLINES = key('sessions'), key('deadlines')
local CHANGES, HISTORY, COMMITS = key('changes'), key('history'), key('commits')
-- What one script looks at, whole commits aside, and how many bytes of values it returns.
local MOST, MOST_BYTES = 100, 4 * 1024 * 1024

-- A failover may have lost what the caller has seen though others have written beyond it since:
-- then the latest commits reach back to before it, and it is not among them.
if seen ~= '0' and tonumber(seen) < counter and not redis.call('ZSCORE', COMMITS, seen) then
  local before = redis.call('ZRANGE', COMMITS, '(' .. seen, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1)[1]
  if before then return refuse('WENTBACK', seen .. ' ' .. before) end
end

local judged_at = now
local standing = {}

local function tied_to(session)
  return key('session:' .. session)
end

-- Whether a session's time has not come; one that has ended is not there any more.
local function stands(session)
  if standing[session] == nil then
    local deadline = redis.call('ZSCORE', DEADLINES, session)
    standing[session] = deadline ~= false and tonumber(deadline) > judged_at
  end
  return standing[session]
end

-- What is known of a key but for its value; nil if it is absent, or its session is over.
local function find(name)
  local kept = redis.call('HGET', ENTRIES, name)
  if not kept then return nil end
  local version, created, session = string.match(kept, '^(%d+) (%d+) (%d*)$')
  if session ~= '' and not stands(session) then return nil end
  return { version = version, created = created, session = session }
end

-- How long it is in µs until the next session is over; -1 if there is none.
local function next_end()
  local first = redis.call('ZRANGE', DEADLINES, 0, 0, 'WITHSCORES')
  if not first[2] then return -1 end
  return math.max(0, math.ceil(tonumber(first[2]) - now))
end
