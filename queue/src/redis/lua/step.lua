-- ARGV: the consumer, 1 if it has left, the group, the step's id, how long ids are remembered and
-- how many; how many grants are accepted of, each with what of it: first places and how many
-- follow them, a byte each; how many attempts are released, each a grant, its place, a pause and 1
-- for a retry; how many are rejected, each a grant, its place and the reason; the publications, as
-- publications.lua reads them; where each of them stood, which is kept for whoever asks again; how
-- many records are written, each its key, the version or nothing, 1 for a value, the value.
local consumer, group, id = ARGV[1], ARGV[3], ARGV[4]
local window, most = tonumber(ARGV[5]), tonumber(ARGV[6])
if overdue() then
  return reply('SWEEP')
end

local steps, log = key('n' .. group), key('j' .. group)
local before = call('HGET', steps, id)
if before then
  local time, digits, versions, places = unpack(cmsgpack.unpack(before))
  if tonumber(time) + window > now then
    return reply('REPEATED', digits, versions, places)
  end
end
if ARGV[2] == '1' then
  return reply('LEFT')
end

local grants = {}
local function own(name)
  local grant = grants[name]
  if grant == nil then
    grant = grant_of(name)
    if grant and grant[1] ~= consumer then
      grant = false
    end
    grants[name] = grant
  end
  return grant
end

-- Takes attempts out of a grant, and notes which of the step's are stale.
local nth, stale = 0, {}
local function attempts(name, from, count, taken)
  local grant, ended = own(name), {}
  if grant then
    take(grant, from, count, taken, ended)
    for i = 1, #ended do
      stale[#stale + 1] = nth + ended[i] - from + 1
    end
  else
    for i = 1, count do
      stale[#stale + 1] = nth + i
    end
  end
  nth = nth + count
  return grant
end

local at = 7
local ending, released, rejected = {}, {}, {}
local function of_line(grant)
  local found = ending[grant[2]]
  if not found then
    found = { topic = grant[3] }
    ending[grant[2]] = found
  end
  return found
end

local count = tonumber(ARGV[at])
at = at + 1
for _ = 1, count do
  local name, ranges = ARGV[at], ARGV[at + 1]
  local grant = own(name)
  local taken, all, ended = grant and of_line(grant) or {}, nil, nil
  if grant and #taken == 0 and #ranges == 2 then
    all, ended = take_all(grant, ranges:byte(1, 2))
  end
  if all then
    all.topic, all.ended, ending[grant[2]], nth = grant[3], ended, all, nth + grant[9]
  else
    taken.ended = nil
    for i = 1, #ranges, 2 do
      attempts(name, ranges:byte(i), ranges:byte(i + 1), taken)
    end
  end
  at = at + 2
end
count = tonumber(ARGV[at])
at = at + 1
for _ = 1, count do
  local taken = {}
  local grant = attempts(ARGV[at], tonumber(ARGV[at + 1]), 1, taken)
  released[#released + 1] = { grant, taken[1], tonumber(ARGV[at + 2]), ARGV[at + 3] }
  at = at + 4
end
count = tonumber(ARGV[at])
at = at + 1
for _ = 1, count do
  local taken = {}
  local grant = attempts(ARGV[at], tonumber(ARGV[at + 1]), 1, taken)
  rejected[#rejected + 1] = { grant, taken[1], ARGV[at + 2] }
  at = at + 3
end
if #stale > 0 then
  return reply('STALE', stale)
end

local sections
sections, at = sections_at(at)
local places, writes, versions = ARGV[at], tonumber(ARGV[at + 1]), {}
at = at + 2
if writes > 0 then
  local names = {}
  for i = 1, writes do
    names[i] = ARGV[at + 4 * (i - 1)]
  end
  local found = call('HMGET', key('pv' .. group), unpack(names))
  for i = 1, writes do
    local version, expected = tonumber(found[i] or 0), ARGV[at + 4 * (i - 1) + 1]
    if expected ~= '' and tonumber(expected) ~= version then
      return reply('CONFLICT', i, int(version))
    end
    versions[i] = version
  end
end

if #sections > 0 then
  -- What leaves its topic with the step: what no other group has yet to settle.
  local leaving, freed = {}, {}
  for line, entries in pairs(ending) do
    leaving[line] = { topic = entries.topic, unpack(entries) }
  end
  for i = 1, #rejected do
    local grant, entry = rejected[i][1], rejected[i][2]
    local entries = leaving[grant[2]] or { topic = grant[3] }
    leaving[grant[2]], entries[#entries + 1] = entries, entry
  end
  for _, entries in pairs(leaving) do
    if #entries > 0 then
      local last = last_of(entries.topic, entries, by_envelope(entries), false)
      freed[entries.topic] = (freed[entries.topic] or 0) + last
    end
  end
  for s = 1, #sections do
    local word, topic, capacity = judge(sections[s], freed[sections[s].topic] or 0, false)
    if word then
      return reply(word, topic, capacity)
    end
  end
end

-- From here on it happens.
for s = 1, #sections do
  store(sections[s])
end
for line, entries in pairs(ending) do
  finish(line, entries.topic, entries, entries.ended)
end
for i = 1, #released do
  local grant, entry, pause, is_retry = unpack(released[i])
  if is_retry == '1' then
    local retries, lapses = marks_of(entry)
    entry = with_marks(entry, retries + 1, lapses)
  end
  put_back(grant[2], { entry }, { now + pause })
end
for i = 1, #rejected do
  local grant, entry, reason = unpack(rejected[i])
  local retries, lapses = marks_of(entry)
  bury(grant[2], grant[3], entry, reason, retries + lapses + 1)
end
for name, grant in pairs(grants) do
  keep_grant(name, grant)
end
for i = 1, writes do
  local name, is_kept = ARGV[at + 4 * (i - 1)], ARGV[at + 4 * (i - 1) + 2] == '1'
  if is_kept then
    versions[i] = versions[i] + 1
    call('HSET', key('pv' .. group), name, versions[i])
    call('HSET', key('pw' .. group), name, ARGV[at + 4 * (i - 1) + 3])
    call('ZADD', key('pk' .. group), 0, name)
  else
    versions[i] = 0
    call('HDEL', key('pv' .. group), name)
    call('HDEL', key('pw' .. group), name)
    call('ZREM', key('pk' .. group), name)
  end
end
if #sections > 0 or writes > 0 then
  -- Whoever has heard of it notices a server that has lost it.
  mint()
end
local digits = taken_of(sections)
call('HSET', steps, id, cmsgpack.pack({ int(now), digits, versions, places }))
local remembered = call('RPUSH', log, int(now), id)
-- Two are forgotten where one comes, so that they never grow beyond what is remembered.
for _ = 1, 2 do
  local oldest = call('LRANGE', log, 0, 1)
  if not oldest[1] or (tonumber(oldest[1]) + window > now and remembered <= 2 * most) then
    break
  end
  call('LPOP', log, 2)
  remembered = remembered - 2
  local kept = call('HGET', steps, oldest[2])
  if kept and cmsgpack.unpack(kept)[1] == oldest[1] then
    call('HDEL', steps, oldest[2])
  end
end
return reply('OK', digits, versions, places)
