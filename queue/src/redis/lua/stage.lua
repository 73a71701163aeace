-- ARGV: a stage, or nothing for a new one, and sequences. Puts them down for `commit`, which
-- takes any number of them in one call; what nobody commits is forgotten.
local id = ARGV[1] ~= '' and ARGV[1] or int(mint())
call('RPUSH', key('stage' .. id), unpack(ARGV, 2))
call('EXPIRE', key('stage' .. id), 3600)
return reply('OK', id)
