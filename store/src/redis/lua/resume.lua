-- ARGV: a history's length, and a session. Answers with its new epoch and its time to live.
local ended = expire()
local session = ARGV[2]
local kept = redis.call('HGET', SESSIONS, session)
local answer = false
if kept and stands(session) then
  local epoch, ttl = begin(), string.match(kept, '%d+$')
  redis.call('HSET', SESSIONS, session, epoch .. ' ' .. ttl)
  redis.call('ZADD', DEADLINES, int(now + tonumber(ttl)), session)
  answer = { tonumber(epoch), tonumber(ttl) }
end
trim()
return { ended, answer }
