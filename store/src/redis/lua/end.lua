-- ARGV: a history's length, a session and the epoch of one incarnation: whether it was ended.
local ended = expire()
local session = ARGV[2]
local kept = redis.call('HGET', SESSIONS, session)
local is_held = kept and string.match(kept, '^%d+') == ARGV[3] and stands(session)
if is_held then
  close(session)
end
trim()
return { ended, is_held and 1 or 0 }
