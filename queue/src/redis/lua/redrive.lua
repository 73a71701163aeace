-- ARGV: the names of topic and group, and sequences.
if overdue() then
  return reply('SWEEP')
end
local topic, line = line_of(ARGV[1], ARGV[2])
if not line then
  return reply('OK', '', 0)
end
local seqs = { unpack(ARGV, 3) }
local has_room, capacity = admit(topic, added_by(topic, line, seqs))
if not has_room then
  return reply('FULL', topic, capacity)
end
return reply('OK', topic, redrive(topic, line, seqs))
