-- Topics, groups and lines by their names, made at their first use. Their numbers are minted: one
-- that a failover has lost is never given again, to something else that some handle takes for it.

local function new_line(topic)
  local line = int(mint())
  local lines = call('HGET', key('t' .. topic), 'lines')
  call('HSET', key('t' .. topic), 'lines', lines and lines .. ' ' .. line or line)
  return line
end

local function make_topic(name, capacity, window, most)
  local topic = call('HGET', key('topics'), name)
  -- A name without its topic is what somebody has left who took that away.
  if topic and call('EXISTS', key('t' .. topic)) == 1 then
    return topic, false
  end
  topic = int(mint())
  call('HSET', key('topics'), name, topic)
  call('HSET', key('t' .. topic), 'capacity', capacity, 'window', window, 'most', most, 'live', 0, 'ids', 0,
    'oldest', '', 'envelopes', 0)
  call('HSET', key('t' .. topic), 'first', new_line(topic))
  return topic, true
end

-- The line of a group: the first group of a topic takes over what is there.
local function join_line(topic, group)
  local kept = call('HMGET', key('t' .. topic), 'g' .. group, 'owned', 'first')
  local line = kept[1]
  if not line then
    line = kept[2] and new_line(topic) or kept[3]
    call('HSET', key('t' .. topic), 'owned', 1, 'g' .. group, line)
  end
  return line
end
