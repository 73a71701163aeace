-- What changed below a prefix after a version: the changes, the version up to which all of them
-- have been looked at, how many were looked at, and whether that is all there is. Nil if some of
-- them were dropped, or the version is yet to come.
local function since(after, prefix)
  local floor = redis.call('HGET', HISTORY, 'floor') or '0'
  if tonumber(after) < tonumber(floor) or tonumber(after) > counter then return nil end
  local found, looked, bytes, commit = {}, 0, 0, nil
  local from = '(' .. after .. '-18446744073709551615'
  while true do
    local some = redis.call('XRANGE', CHANGES, from, '+', 'COUNT', 10)
    for _, change in ipairs(some) do
      local id, fields = change[1], change[2]
      local version = string.match(id, '^%d+')
      -- A commit is never cut.
      if version ~= commit and (looked >= MOST or bytes >= MOST_BYTES) then
        return found, commit, looked, false
      end
      commit, looked, from = version, looked + 1, '(' .. id
      local name, created, value = fields[2], fields[4], fields[6]
      bytes = bytes + #(value or '')
      if string.sub(name, 1, #prefix) == prefix then
        found[#found + 1] = value and { version, name, created, value } or { version, name }
      end
    end
    if #some < 10 then return found, int(counter), looked, true end
  end
end
