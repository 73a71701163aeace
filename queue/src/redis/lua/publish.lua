-- ARGV: publications, as publications.lua reads them.
if overdue() then
  return reply('SWEEP')
end
local sections = sections_at(1)
for s = 1, #sections do
  local word, topic, capacity = judge(sections[s], 0, #sections == 1)
  if word then
    return reply(word, topic, capacity)
  end
end
for s = 1, #sections do
  store(sections[s])
end
-- Whoever has heard of it notices a server that has lost it.
mint()
local first = sections[1]
if #sections == 1 and first.new == first.n then
  return reply('OK', '')
end
return reply('OK', taken_of(sections))
