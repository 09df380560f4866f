-- Purpose  Ends a script whose queue is not in the store. Every script but `configure` has it.
if not epoch then
  return false
end
