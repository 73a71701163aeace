-- ARGV: a key.
local entry = find(ARGV[1])
return entry and { entry.version, entry.created, redis.call('HGET', VALUES, ARGV[1]) }
