#!lua flags=allow-oom
-- KEYS: the stream. ARGV: the group; the entry; the most bytes; how our consumers are called.
-- Answers the fields, or how long they are if that is too long. An entry that was deleted while it
-- was pending is no item, and is pending no more.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)[1]
if not pending then
  return false
end
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if not entry then
  if string.sub(pending[2], 1, #ARGV[4]) == ARGV[4] then
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  end
  return false
end
local size = 0
for _, part in ipairs(entry[2]) do
  size = size + #part
end
if size > tonumber(ARGV[3]) then
  return size
end
return entry[2]
