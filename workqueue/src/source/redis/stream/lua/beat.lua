#!lua flags=allow-oom
-- KEYS: the stream. ARGV: the group; the consumer; where to begin. Makes a hundred of its entries
-- young again, their deliveries not counted, and answers how many there were and the last.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', 100, ARGV[2])
if #pending == 0 then
  return { 0, '' }
end
local claim = { 'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0 }
for _, entry in ipairs(pending) do
  claim[#claim + 1] = entry[1]
end
claim[#claim + 1] = 'JUSTID'
redis.call(unpack(claim))
return { #pending, pending[#pending][1] }
