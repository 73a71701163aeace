-- ARGV: a job. Answers what became of it once it is done, and mostly that is now.
if overdue() then
  return reply('SWEEP')
end
local said = call('HMGET', key('outcome' .. ARGV[1]), 'word', 'topic', 'count')
if not said[1] then
  return reply('GONE')
end
call('DEL', key('outcome' .. ARGV[1]))
return reply(said[1], said[2], said[3])
