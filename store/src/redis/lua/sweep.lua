-- ARGV: a history's length. Whether all has ended whose time has come, and the latest commit.
local ended, is_all = expire()
trim()
return { ended, { is_all and 1 or 0, counter } }
