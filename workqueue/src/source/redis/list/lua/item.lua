-- ARGV: the number; the most bytes. Answers the element, or how long it is if that is too long.
local where = key('taken')
if redis.call('HEXISTS', where, ARGV[1]) == 0 then
  where = key('dead')
end
if redis.call('HSTRLEN', where, ARGV[1]) > tonumber(ARGV[2]) then
  return redis.call('HSTRLEN', where, ARGV[1])
end
return redis.call('HGET', where, ARGV[1])
