-- Who waits is told to look again.

local has_rung = false
local function ring()
  if not has_rung then
    has_rung = true
    call('XADD', key('bell'), 'MAXLEN', 1, '*', 'b', 1)
  end
end

-- Something in this line may be ready, or become so earlier than was said.
local stirred = {}
local function stir(line)
  if not stirred[line] then
    stirred[line] = true
    if call('HDEL', key('l' .. line), 'hungry') == 1 then
      ring()
    end
  end
end
