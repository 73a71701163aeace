-- ARGV: a prefix and a version. What changed since, the version up to which that is all, whether
-- there is more, and how long it is until the next session is over.
local found, through, _, is_all = since(ARGV[2], ARGV[1])
if not found then return { false, counter, 1, next_end() } end
return { found, tonumber(through), is_all and 1 or 0, next_end() }
