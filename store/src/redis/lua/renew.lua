-- ARGV: a history's length, a session and the epoch of one incarnation: whether it is extended.
local ended = expire()
local session = ARGV[2]
local kept = redis.call('HGET', SESSIONS, session)
local epoch, ttl = string.match(kept or '', '^(%d+) (%d+)$')
local is_held = epoch == ARGV[3] and stands(session)
if is_held then
  redis.call('ZADD', DEADLINES, int(now + tonumber(ttl)), session)
end
trim()
return { ended, is_held and 1 or 0 }
