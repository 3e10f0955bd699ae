"""What ARM itself answers: tenants, subscriptions, locations, resource groups."""

from __future__ import annotations

from dev.azure_simulator import errors, regions, seeds
from dev.azure_simulator.paths import Json


class Platform:
    """One tenant, one subscription and its resource groups."""

    def __init__(self) -> None:
        self._groups: dict[str, Json] = {}
        for name, location in seeds.RESOURCE_GROUPS.items():
            self.add_group(name, location)

    def add_group(self, name: str, location: str) -> None:
        """Add a resource group, or replace one."""
        self._groups[name.casefold()] = {
            "id": f"/subscriptions/{seeds.SUBSCRIPTION_ID}/resourceGroups/{name}",
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": regions.normalise(location),
            "properties": {"provisioningState": "Succeeded"},
        }

    def tenants(self) -> Json:
        tenant = {"id": f"/tenants/{seeds.TENANT_ID}", "tenantId": seeds.TENANT_ID, "displayName": "Simulated"}
        return {"value": [{**tenant, "tenantCategory": "Home"}]}

    def subscriptions(self) -> Json:
        return {"value": [self._subscription()], "count": {"type": "Total", "value": 1}}

    def subscription(self, subscription: str) -> Json:
        """Return a subscription.

        Raises ArmError 404 when there is none of this id.
        """
        self.require_subscription(subscription)
        return self._subscription()

    def locations(self, subscription: str) -> Json:
        self.require_subscription(subscription)
        return {"value": [regions.as_location(region, subscription) for region in regions.REGIONS.values()]}

    def groups(self, subscription: str) -> Json:
        self.require_subscription(subscription)
        return {"value": list(self._groups.values())}

    def group(self, subscription: str, name: str) -> Json:
        """Return a resource group.

        Raises ArmError 404 when the subscription or the group does not exist.
        """
        self.require_subscription(subscription)
        group = self._groups.get(name.casefold())
        if group is None:
            raise errors.resource_group_not_found(name)
        return group

    def require_subscription(self, subscription: str) -> None:
        if subscription.lower() != seeds.SUBSCRIPTION_ID:
            raise errors.subscription_not_found(subscription)

    def _subscription(self) -> Json:
        return {
            "id": f"/subscriptions/{seeds.SUBSCRIPTION_ID}",
            "subscriptionId": seeds.SUBSCRIPTION_ID,
            "tenantId": seeds.TENANT_ID,
            "displayName": "Simulated subscription",
            "state": "Enabled",
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01"},
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
        }
