-- ARGV: the consumer. Gives back grants until a hundred items have gone, or all.
--
-- It is one call if it can be, as a drop is: what is over is left to whoever sweeps.
-- An ask that comes later is of nobody.
call('SET', key('turn' .. ARGV[1]), '9007199254740991', 'EX', 86400)
if is_past(call('ZSCORE', key('ends'), 'c' .. ARGV[1]) or 0) then
  return reply('OK', 0)
end
local held, released = key('held' .. ARGV[1]), 0
repeat
  local id = call('ZRANGE', held, 0, 0)[1]
  if not id then
    return reply('OK', released)
  end
  local grant = grant_of(id)
  if is_past(end_of(grant)) then
    return reply('SWEEP')
  end
  local singles = rest_of(grant)
  released = released + #singles
  put_back(grant[2], singles, {})
  keep_grant(id, grant)
until released >= LARGEST
return reply('MORE', released)
