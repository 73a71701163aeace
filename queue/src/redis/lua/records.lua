-- ARGV: the group's name, from which key on and up to which, as ZRANGEBYLEX writes it, and the most.
local group = call('HGET', key('groups'), ARGV[1])
if not group then
  return reply('NONE')
end
local names = call('ZRANGEBYLEX', key('pk' .. group), ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])
if #names == 0 then
  return reply('NONE')
end
return reply('OK', names, call('HMGET', key('pw' .. group), unpack(names)), call('HMGET', key('pv' .. group), unpack(names)))
