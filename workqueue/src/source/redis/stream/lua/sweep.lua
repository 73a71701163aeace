#!lua flags=allow-oom
-- KEYS: the stream. ARGV: the group; how our consumers are called; this one; milliseconds of silence.
-- Deletes up to a hundred consumers of ours that are silent and hold nothing.
local gone = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local about = {}
  for at = 1, #consumer, 2 do
    about[consumer[at]] = consumer[at + 1]
  end
  local is_ours = string.sub(about.name, 1, #ARGV[2]) == ARGV[2] and about.name ~= ARGV[3]
  if is_ours and about.pending == 0 and about.idle >= tonumber(ARGV[4]) and gone < 100 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], about.name)
    gone = gone + 1
  end
end
return gone
