-- ARGV: the names of topic and group.
if overdue() then
  return reply('SWEEP')
end
local _, line = line_of(ARGV[1], ARGV[2])
if not line then
  return reply('NONE')
end
local kept = call('HMGET', key('l' .. line), 'fresh', 'behind', 'early', 'flight')
local fresh, behind, early, flight = tonumber(kept[1] or 0), tonumber(kept[2] or 0), tonumber(kept[3] or 0), kept[4]
local due = call('ZCOUNT', key('w' .. line), '-inf', now)
local ready = fresh + call('ZCARD', key('r' .. line)) + call('ZCARD', key('q' .. line)) + due
local waiting = behind + early + call('ZCARD', key('w' .. line)) - due
local oldest = call('ZRANGE', key('a' .. line), 0, 0, 'WITHSCORES')[2]
local age = oldest and int(math.max(0, now - oldest)) or ''
return reply('OK', ready, waiting, tonumber(flight or 0), call('ZCARD', key('e' .. line)), age)
