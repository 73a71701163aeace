-- ARGV: the consumer, the grant, the place in it, and for how long.
if overdue() then
  return reply('SWEEP')
end
local grant, place_in = grant_of(ARGV[2]), tonumber(ARGV[3])
local taken, ended = {}, {}
if not grant or grant[1] ~= ARGV[1] then
  return reply('STALE')
end
local kept = grant[6]
take(grant, place_in, 1, taken, ended)
if #ended > 0 then
  return reply('STALE')
end
local renewed = { place_in, now + ARGV[4] }
for i = 1, #grant[7], 2 do
  if grant[7][i] ~= place_in then
    renewed[#renewed + 1], renewed[#renewed + 2] = grant[7][i], grant[7][i + 1]
  end
end
grant[6], grant[7] = kept, renewed
keep_grant(ARGV[2], grant)
return reply('OK')
