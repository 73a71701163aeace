-- ARGV: the topic's name, capacity, window, most ids; 1 if they are to be set, else its usual
-- options for one that is new.
local topic = make_topic(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if ARGV[5] == '1' then
  call('HSET', key('t' .. topic), 'capacity', ARGV[2], 'window', ARGV[3], 'most', ARGV[4])
  if call('HDEL', key('t' .. topic), 'crowded') == 1 then
    ring()
  end
end
return reply('OK', topic)
