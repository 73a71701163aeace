-- Does a piece of a job, or ends one grant that is over, whoever holds it. Answers how many of its attempts have lapsed,
-- and how many of those were the last that their items may have.
local over = overdue()
if not over then
  return reply('OK', 0, 0)
end
if over:sub(1, 1) == 'j' then
  work(over:sub(2))
  return reply(overdue() and 'MORE' or 'OK', 0, 0)
end
local silent = over:sub(1, 1) == 'c' and over:sub(2)
local id = silent and call('ZRANGE', key('held' .. silent), 0, 0)[1] or over
local grant = grant_of(id)
if not grant then
  call('ZREM', key('ends'), over)
  return reply('MORE', 0, 0)
end
local line, topic = grant[2], grant[3]
local left, back, at, lapsed, poisoned = {}, {}, 0, 0, 0
for i = 1, #grant[6] do
  local one = grant[6][i]
  if type(one) == 'number' then
    put(left, one)
    at = at + one
  else
    local singles = each_of(one)
    for s = 1, #singles do
      if silent or is_past(limit_of(grant, at)) then
        local retries, lapses = marks_of(singles[s])
        lapses, lapsed = lapses + 1, lapsed + 1
        if lapses < tonumber(grant[5]) then
          back[#back + 1] = with_marks(singles[s], retries, lapses)
        else
          poisoned = poisoned + 1
          bury(line, topic, singles[s], lapses .. ' deliveries ended without an answer', retries + lapses)
        end
        put(left, 1)
      else
        put(left, singles[s])
      end
      at = at + 1
    end
  end
end
put_back(line, back, {})
grant[6] = left
keep_grant(id, grant)
return reply(overdue() and 'MORE' or 'OK', lapsed, poisoned)
