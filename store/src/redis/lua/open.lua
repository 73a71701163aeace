-- ARGV: a history's length, and a time to live in µs. Answers with the session's number.
local ended = expire()
local session = begin()
redis.call('HSET', SESSIONS, session, session .. ' ' .. ARGV[2])
redis.call('ZADD', DEADLINES, int(now + tonumber(ARGV[2])), session)
trim()
return { ended, tonumber(session) }
