-- ARGV: the names of topic and group, a stage, and how many sequences that has. Makes a job of
-- them, which `sweep` does, a hundred at a time, before anybody is told anything else: so they are
-- redriven together or, where the topic has no room for all, not at all.
if overdue() then
  return reply('SWEEP')
end
local id = ARGV[3]
local topic, line = line_of(ARGV[1], ARGV[2])
if not line or call('LLEN', key('stage' .. id)) ~= tonumber(ARGV[4]) then
  return reply('GONE')
end
call('PERSIST', key('stage' .. id))
call('HSET', key('job' .. id), 'topic', topic, 'line', line, 'at', 0, 'added', 0, 'redriven', 0)
call('ZADD', key('ends'), 0, 'j' .. id)
return reply('OK')
