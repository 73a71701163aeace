-- What every script of the queue may use; scripts.rs lists the keys.
--
-- An item's sequence is its envelope * 100 and its place in that, an attempt's epoch its grant *
-- 128 and its place in that: so neither needs an index to be found.

local call, floor = redis.call, math.floor
local LARGEST = 100 -- items in a batch, and so places in an envelope
local ATTEMPTS = 128

-- What the caller gets: a word, and what belongs to it.
local function reply(...)
  return { ... }
end

-- What has ended and nobody has swept: the caller is to call that script first, then this again.
local function overdue()
  return call('ZRANGEBYSCORE', key('ends'), '-inf', now, 'LIMIT', 0, 1)[1]
end
