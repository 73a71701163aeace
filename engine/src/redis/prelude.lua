-- What every script begins with; script.rs says what its body may use.
--
-- Numbers are doubles, exact up to 2^53: microseconds since 1970 stay below that until 2255.
-- As text they are made by int() alone, because tostring() would write 1.8e+15; open.lua refuses
-- a server on which it has 32 bits. (%.0f would do there too, and costs three times as much.)

local given = table.remove(ARGV) -- the time in µs, of tests alone
local seen = table.remove(ARGV) -- the highest version that the caller has seen
local realm = table.remove(ARGV) -- the realm that it has opened; none while it opens it

local function refuse(word, rest)
  return { err = 'ENTOURAGE ' .. word .. ' ' .. (rest or '') }
end

local function int(number)
  return string.format('%d', number)
end

local function key(name)
  return KEYS[1] .. ':' .. name
end

local kept = redis.call('HMGET', KEYS[1], 'realm', 'counter')
local counter = tonumber(kept[2] or 0)
if realm ~= '' and kept[1] ~= realm then
  return refuse('FOREIGN', realm .. ' ' .. (kept[1] or '-'))
end
if counter < tonumber(seen) then
  return refuse('WENTBACK', seen .. ' ' .. int(counter))
end

local now = tonumber(given)
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function is_past(deadline)
  return tonumber(deadline) <= now
end

-- The first of n numbers in a row that nobody was given before.
local function mint(n)
  local first = math.max(counter + 1, now)
  counter = first + (n or 1) - 1
  redis.call('HSET', KEYS[1], 'counter', int(counter))
  return first
end
