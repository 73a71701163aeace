-- ARGV: the names of topic and group, the sequence after which they begin, and the most.
if overdue() then
  return reply('SWEEP')
end
local _, line = line_of(ARGV[1], ARGV[2])
if not line then
  return reply('NONE')
end
local seqs = call('ZRANGEBYSCORE', key('e' .. line), '(' .. ARGV[3], '+inf', 'LIMIT', 0, ARGV[4])
if #seqs == 0 then
  return reply('NONE')
end
-- Up to 4 MiB and one more: an answer has no room for a hundred of the largest.
local bytes, last = 0, 0
while last < #seqs and bytes < 4194304 do
  last = last + 1
  bytes = bytes + call('HSTRLEN', key('x' .. line), seqs[last])
end
seqs = { unpack(seqs, 1, last) }
local bodies, kept = call('HMGET', key('x' .. line), unpack(seqs)), call('HMGET', key('v' .. line), unpack(seqs))
local reasons, attempts = {}, {}
for i = 1, #seqs do
  local dead = cmsgpack.unpack(kept[i])
  reasons[i], attempts[i] = dead[1], dead[2]
end
return reply('OK', seqs, bodies, reasons, attempts)
