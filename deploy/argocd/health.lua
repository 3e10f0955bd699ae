-- Health of Gallery, ImageDefinition and ImageVersion for Argo CD; docs/gitops.md says where it goes.
local health = {status = "Progressing", message = "Waiting for the operator"}
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

if conditions.Paused ~= nil and conditions.Paused.status == "True" then
  return {status = "Suspended", message = conditions.Paused.message}
end
if status.observedGeneration ~= obj.metadata.generation then
  return health
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  return {status = "Degraded", message = conditions.Stalled.message}
end
if conditions.Ready ~= nil then
  health.message = conditions.Ready.reason .. ": " .. (conditions.Ready.message or "")
  if conditions.Ready.status == "True" then
    health.status = "Healthy"
  end
end
return health
