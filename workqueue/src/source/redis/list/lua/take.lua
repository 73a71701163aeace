-- ARGV: the list; the most to move; the most that may be taken in all; LPOP or RPOP; bytes after
-- which nothing more is moved. Answers how many were moved, the first's number, how many are left.
local list, pop, bytes = ARGV[1], ARGV[4], tonumber(ARGV[5])
local left = redis.call('LLEN', list)
local room = tonumber(ARGV[3]) - redis.call('HLEN', key('taken'))
local most = math.min(tonumber(ARGV[2]), room, left)
if most <= 0 then
  return { 0, 0, left }
end
local first = mint(most)
local moved, size = 0, 0
while moved < most and size < bytes do
  local element = redis.call(pop, list)
  redis.call('HSET', key('taken'), int(first + moved), element)
  moved = moved + 1
  size = size + #element
end
return { moved, int(first), left - moved }
