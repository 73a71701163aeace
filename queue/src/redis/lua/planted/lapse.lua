-- A planted fault: what has lapsed is put back nowhere.
local function put_back(line, entries)
  call('HINCRBY', key('l' .. line), 'flight', -#entries)
end
