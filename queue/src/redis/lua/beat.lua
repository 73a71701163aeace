-- ARGV: the consumer and its lease. Answers whether there is something to sweep.
--
-- The beat is one call, whatever else is over: what its sender does next comes behind it.
local until_ = tonumber(call('ZSCORE', key('ends'), 'c' .. ARGV[1]) or 0)
if not is_past(until_) then
  call('ZADD', key('ends'), now + ARGV[2], 'c' .. ARGV[1])
end
return reply(overdue() and 'LATE' or 'OK')
