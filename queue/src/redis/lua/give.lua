-- ARGV: the consumer, and grants with what of them is given back: first places and how many
-- follow them, a byte each.
--
-- It is one call, whatever else is over: who asks after a drop is to see what it did. What is over
-- of these attempts is left to whoever sweeps.
if is_past(call('ZSCORE', key('ends'), 'c' .. ARGV[1]) or 0) then
  return reply('OK', 0)
end
local released = 0
for at = 2, #ARGV, 2 do
  local grant = grant_of(ARGV[at])
  if grant and grant[1] == ARGV[1] then
    local singles = {}
    for i = 1, #ARGV[at + 1], 2 do
      local from, count = ARGV[at + 1]:byte(i, i + 1)
      for place_in = from, from + count - 1 do
        if not is_past(limit_of(grant, place_in)) then
          take(grant, place_in, 1, singles, {})
        end
      end
    end
    released = released + #singles
    put_back(grant[2], singles, {})
    keep_grant(ARGV[at], grant)
  end
end
return reply('OK', released)
