-- ARGV: the group, and the key.
local version = call('HGET', key('pv' .. ARGV[1]), ARGV[2])
if not version then
  return reply('NONE')
end
return reply('OK', version, call('HGET', key('pw' .. ARGV[1]), ARGV[2]))
