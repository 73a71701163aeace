-- ARGV[1]: a realm for a prefix that has none yet. Answers with the realm that it has.
if int(2 ^ 52) ~= '4503599627370496' then
  return refuse('NARROW', 'its numbers have 32 bits: take a server that was built for 64')
end
local format = redis.call('HGET', KEYS[1], 'format')
if kept[1] then
  if format ~= '1' then
    return refuse('NOTOURS', 'its format is ' .. (format or 'unknown') .. ', this program needs 1')
  end
  return kept[1]
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return refuse('NOTOURS', 'it is a hash without a realm')
end
counter = now
redis.call('HSET', KEYS[1], 'realm', ARGV[1], 'format', '1', 'counter', int(counter))
return ARGV[1]
