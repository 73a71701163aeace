#!lua
-- KEYS: the stream. ARGV: the group; the consumer; the most entries; bytes after which no more are
-- read. One at a time, so that no more than one large entry is in memory; only their number goes out.
local most, bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local count, size = 0, 0
while count < most and size < bytes do
  local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[1], '>')
  if not read then
    break
  end
  count = count + 1
  for _, part in ipairs(read[1][2][1][2]) do
    size = size + #part
  end
end
return count
