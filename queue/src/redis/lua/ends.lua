-- When the first lease ends by itself; none if nothing is leased.
local function next_end()
  return tonumber(call('ZRANGE', key('ends'), 0, 0, 'WITHSCORES')[2])
end
