-- Envelopes have the bodies of what was published together: how many (1 byte), where each of
-- them ends (4 bytes each), and the bodies. One that has no body here ends where it begins.

local function envelope_of(topic, number)
  return key('p' .. topic .. ':' .. number)
end

-- One body, without reading the whole envelope: Lua would hash each byte of it. Nothing where
-- somebody has taken the envelope away, so that what is damaged stops nothing else.
local function body_of(topic, entry)
  local name, at = envelope_of(topic, number_of(entry)), tonumber(entry:sub(15, 16))
  if at == 0 then
    local head = call('GETRANGE', name, 0, 255)
    if head == '' then
      return ''
    end
    local from, to = 1 + 4 * head:byte(1), struct.unpack('>I4', head, 2)
    return to <= #head and head:sub(from + 1, to) or call('GETRANGE', name, from, to - 1)
  end
  local bounds = call('GETRANGE', name, 4 * at - 3, 4 * at + 4)
  if bounds == '' then
    return ''
  end
  local from, to = struct.unpack('>I4I4', bounds)
  return call('GETRANGE', name, from, to - 1)
end

-- The bytes of an item's payload, which is behind the length of its head and that.
local function payload_of(topic, entry)
  local body = body_of(topic, entry)
  return body == '' and 0 or #body - 4 - struct.unpack('>I4', body)
end

-- From so many of an envelope on, all of it costs less than each of them.
local MANY = 12

-- The bodies of leased items: numbers and whole envelopes, then single bodies in their order; and
-- of each envelope how many there are.
local function bodies_of(topic, entries)
  local wanted, numbers, counts = {}, {}, {}
  for i = 1, #entries do
    local number = number_of(entries[i])
    local before = wanted[number]
    if not before then
      before, numbers[#numbers + 1] = 0, number
    end
    wanted[number] = before + size_of(entries[i])
  end
  local whole, single = {}, {}
  for i = 1, #numbers do
    local number = numbers[i]
    counts[2 * i - 1], counts[2 * i] = number, wanted[number]
    if wanted[number] >= MANY then
      whole[#whole + 1], whole[#whole + 2] = number, call('GET', envelope_of(topic, number))
    end
  end
  if #whole < #counts then
    for i = 1, #entries do
      if wanted[number_of(entries[i])] < MANY then
        local each = each_of(entries[i])
        for e = 1, #each do
          single[#single + 1] = body_of(topic, each[e])
        end
      end
    end
  end
  return whole, single, counts
end
