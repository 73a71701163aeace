-- ARGV: a history's length, and a transaction that writes nothing.
local _, refused = judge(2)
return { 0, refused or { 'applied', counter } }
