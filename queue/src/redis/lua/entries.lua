-- An entry is what a line keeps of an item. It begins with 16 digits, those of its envelope (14)
-- and of its place in that (2). Behind them a plain item has nothing, and several plain ones in a
-- row a byte for how many. One that has a key and nothing else has `=` and the key. Any other has
-- `+`, priority (1), retries (4), lapses (4), when it is due (8), the lengths of its key and its
-- bundle (2 each), and those.

local NEVER_DUE = string.rep('\0', 8)

local function text_of(seq)
  return string.format('%016d', seq)
end

local function seq_of(entry)
  return tonumber(entry:sub(1, 16))
end

-- The envelope of an entry, by its digits.
local function number_of(entry)
  return entry:sub(1, 14)
end

local function size_of(entry)
  return #entry == 17 and entry:byte(17) or 1
end

local function run_of(seq, size)
  return size == 1 and text_of(seq) or text_of(seq) .. string.char(size)
end

local function is_plain(entry)
  return #entry <= 17
end

-- Whether it has neither priority, counts, time nor bundle.
local function is_bare(entry)
  return #entry <= 17 or entry:byte(17) == 61
end

local function full_of(entry, retries, lapses, due)
  if entry:byte(17) == 43 then
    return entry:sub(1, 18) .. struct.pack('>I4I4I8', retries, lapses, due) .. entry:sub(35)
  end
  local name = entry:sub(18)
  return entry:sub(1, 16) .. '+' .. struct.pack('>BI4I4I8I2I2', 0, retries, lapses, due, #name, 0) .. name
end

-- Higher priorities come first, equal ones by sequence, as a sorted set orders one score.
local function rank_of(entry)
  return is_bare(entry) and '255' or 255 - entry:byte(18)
end

local function key_of(entry)
  if is_bare(entry) then
    return #entry > 17 and entry:sub(18) or nil
  end
  local high, low = entry:byte(35, 36)
  local length = high * 256 + low
  return length > 0 and entry:sub(39, 38 + length) or nil
end

local function bundle_of(entry)
  if is_bare(entry) or entry:sub(37, 38) == '\0\0' then
    return nil
  end
  local high, low = entry:byte(37, 38)
  return entry:sub(-high * 256 - low)
end

local function due_of(entry)
  if is_bare(entry) or entry:sub(27, 34) == NEVER_DUE then
    return 0
  end
  return struct.unpack('>I8', entry, 27)
end

-- How many retries and lapses an item has behind it.
local function marks_of(entry)
  if is_bare(entry) then
    return 0, 0
  end
  return struct.unpack('>I4I4', entry, 19)
end

local function with_due(entry, due)
  if due == due_of(entry) then
    return entry
  end
  local retries, lapses = marks_of(entry)
  return full_of(entry, retries, lapses, due)
end

local function with_marks(entry, retries, lapses)
  return full_of(entry, retries, lapses, due_of(entry))
end

-- The entries of single items, of one that may stand for several.
local function each_of(entry)
  local size = size_of(entry)
  if size == 1 then
    return { entry }
  end
  local first, singles = seq_of(entry), {}
  for i = 1, size do
    singles[i] = text_of(first + i - 1)
  end
  return singles
end
