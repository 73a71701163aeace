-- ARGV: the topic's name, and for how many.
if overdue() then
  return reply('SWEEP')
end
local topic = call('HGET', key('topics'), ARGV[1])
if not topic then
  return reply('OK')
end
local kept = call('HMGET', key('t' .. topic), 'live', 'capacity')
if kept[1] == '0' or ARGV[2] == '0' or kept[1] + ARGV[2] <= tonumber(kept[2]) then
  return reply('OK')
end
call('HSET', key('t' .. topic), 'crowded', 1)
local ends = next_end()
return reply('NONE', ends and int(ends - now) or '')
