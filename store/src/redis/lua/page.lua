-- One step of a listing, which stood at one version before it and stands at one behind it.
-- ARGV: its prefix; the version at which it stands, none at first, and when that was; the bounds
-- of the page in bytes; the version below which a key was created, or none; how many are wanted.
-- What changed in between, the version and the time at which it stands now; then what the page
-- holds, the last key that was looked at, and whether there are more. Nil if it must begin anew.
local prefix, at, looked_at, from, to, ceiling, wanted = unpack(ARGV, 1, 7)
local changes, looked, is_all = {}, 0, true
local through = int(counter)
if at ~= '' then
  judged_at = tonumber(looked_at)
  changes, through, looked, is_all = since(at, prefix)
  if not changes then return false end
end
local room = math.min(tonumber(wanted), MOST - looked)
local entries, last, bytes, more = {}, false, 0, 1
if is_all and room > 0 then
  local names = redis.call('ZRANGE', NAMES, from, to, 'BYLEX', 'LIMIT', 0, room)
  more = #names == room and 1 or 0
  for _, name in ipairs(names) do
    if bytes >= MOST_BYTES then
      more = 1
      break
    end
    local entry = find(name)
    if entry and (ceiling == '' or tonumber(entry.created) < tonumber(ceiling)) then
      local value = redis.call('HGET', VALUES, name)
      bytes = bytes + #value
      entries[#entries + 1] = { entry.version, name, entry.created, value }
    end
    last = name
  end
end
return { changes, tonumber(through), int(judged_at), entries, last, more }
