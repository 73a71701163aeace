-- ARGV: a history's length, a transaction's conditions, the number of its writes, and of each its
-- kind, its key, its value and its session.
local ended, is_all = expire()
if not is_all then
  -- What has ended by now must have ended before it: the caller asks again.
  trim()
  return { ended, { 'again' } }
end
local place, answer = judge(2)

-- The first session that is lost, or that would have more keys than one script may delete.
local function fault_of(count)
  local joins = {}
  for first = place + 1, place + 4 * count, 4 do
    local kind, name, session = ARGV[first], ARGV[first + 1], ARGV[first + 3]
    if kind == 'put' and session ~= '' and not stands(session) then return { 'lost', session } end
    local entry = find(name)
    local former = entry and entry.session or ''
    if former ~= session then
      joins[former] = (joins[former] or 0) - 1
      joins[session] = (joins[session] or 0) + 1
    end
  end
  for session, more in pairs(joins) do
    local keys = session == '' and 0 or redis.call('ZCARD', tied_to(session)) + more
    if more > 0 and keys > MOST then return { 'tied', keys } end
  end
end

if not answer then
  local count = tonumber(ARGV[place])
  answer = fault_of(count)
  if not answer then
    answer = { 'applied', tonumber(begin()) }
    for first = place + 1, place + 4 * count, 4 do
      if ARGV[first] == 'put' then
        put(ARGV[first + 1], ARGV[first + 2], ARGV[first + 3])
      else
        delete(ARGV[first + 1])
      end
    end
  end
end
trim()
return { ended, answer }
