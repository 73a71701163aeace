-- A planted fault: whoever names an attempt has it, whosever it is and however it ended.
local grant_there, take_there = grant_of, take

local function grant_of(id)
  local grant = grant_there(id) or { ARGV[1], '', '', 0, 0, {}, {}, {}, 0 }
  grant[1] = ARGV[1]
  return grant
end

local function take(grant, from, count, taken, _)
  take_there(grant, from, count, taken, {})
end
