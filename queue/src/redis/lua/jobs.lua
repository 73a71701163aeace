-- Jobs that are too long for one call. Everybody works on them before anything else, so nobody
-- sees one half done, and none is left when who began it has died.

local function end_job(id, word, topic, count)
  call('HSET', key('outcome' .. id), 'word', word, 'topic', topic, 'count', count)
  call('EXPIRE', key('outcome' .. id), 3600)
  call('DEL', key('job' .. id), key('stage' .. id))
  call('ZREM', key('ends'), 'j' .. id)
end

-- One piece of a redrive: first it is counted what it adds, then it is done.
local function work(id)
  local job, stage = key('job' .. id), key('stage' .. id)
  local kept = call('HMGET', job, 'topic', 'line', 'at', 'added', 'redriven')
  local topic, line, at = kept[1], kept[2], tonumber(kept[3])
  if at < 0 then
    local seqs = call('LPOP', stage, LARGEST)
    if seqs then
      call('HINCRBY', job, 'redriven', redrive(topic, line, seqs))
    else
      end_job(id, 'OK', topic, kept[5])
    end
    return
  end
  local seqs = call('LRANGE', stage, at, at + LARGEST - 1)
  if #seqs > 0 then
    call('HSET', job, 'at', at + #seqs, 'added', kept[4] + added_by(topic, line, seqs))
    return
  end
  local has_room, capacity = admit(topic, tonumber(kept[4]))
  if has_room then
    call('HSET', job, 'at', -1)
  else
    end_job(id, 'FULL', topic, capacity)
  end
end
