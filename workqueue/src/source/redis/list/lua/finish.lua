-- ARGV: done or dead; the numbers. What is dead is kept aside, for whoever redrives it.
for at = 2, #ARGV do
  local number = ARGV[at]
  if ARGV[1] == 'dead' then
    local element = redis.call('HGET', key('taken'), number)
    if element then
      redis.call('HSET', key('dead'), number, element)
    end
  else
    redis.call('HDEL', key('dead'), number)
  end
  redis.call('HDEL', key('taken'), number)
end
return true
