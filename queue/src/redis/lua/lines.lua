-- The topic and line of two names: the group's, or the one that it would take over.
local function line_of(topic_name, group_name)
  local topic = call('HGET', key('topics'), topic_name)
  if not topic then
    return nil
  end
  local group = call('HGET', key('groups'), group_name)
  local line = group and call('HGET', key('t' .. topic), 'g' .. group)
  if not line and call('HEXISTS', key('t' .. topic), 'owned') == 0 then
    line = call('HGET', key('t' .. topic), 'first')
  end
  return topic, line
end
