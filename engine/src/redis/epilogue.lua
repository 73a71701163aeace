local answer = body()
if type(answer) == 'table' and answer.err then
  return answer
end
if answer == nil then
  answer = false
end
return { counter, answer }
