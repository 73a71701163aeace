-- ARGV: the group's name, the options of a new topic, and the topics' names.
local group = call('HGET', key('groups'), ARGV[1])
if not group then
  group = int(mint())
  call('HSET', key('groups'), ARGV[1], group)
end
local joined = {}
for at = 5, #ARGV do
  local topic = make_topic(ARGV[at], ARGV[2], ARGV[3], ARGV[4])
  joined[#joined + 1] = topic
  joined[#joined + 1] = join_line(topic, group)
end
return reply('OK', int(mint()), group, joined)
