#!lua flags=allow-oom
-- KEYS: the stream. ARGV: the group; how our consumers are called; this one; 1 to delete too; and
-- each entry with the number of its deliveries when this consumer saw it, 0 if it never did.
-- Answers those that are in the hands of others.
local kept = {}
for at = 5, #ARGV, 2 do
  local id = ARGV[at]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
  if pending then
    local is_ours = string.sub(pending[2], 1, #ARGV[2]) == ARGV[2]
    if pending[2] == ARGV[3] and ARGV[at + 1] ~= '0' then
      is_ours = pending[4] == tonumber(ARGV[at + 1])
    end
    if is_ours then
      redis.call('XACK', KEYS[1], ARGV[1], id)
      if ARGV[4] == '1' then
        redis.call('XDEL', KEYS[1], id)
      end
    else
      kept[#kept + 1] = id
    end
  end
end
return kept
