"""What ARM itself answers: tenants, subscriptions, locations, resource groups."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from dev.azure_simulator import errors, regions, seeds
from dev.azure_simulator.paths import Json


@dataclass(frozen=True)
class Subscription:
    """A subscription, the tenant that it trusts, and its resource groups by name in lower case."""

    id: str
    tenant: str
    groups: dict[str, Json] = field(default_factory=dict)

    def add_group(self, name: str, location: str) -> None:
        """Add a resource group, or replace one."""
        self.groups[name.casefold()] = {
            "id": f"/subscriptions/{self.id}/resourceGroups/{name}",
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": regions.normalise(location),
            "properties": {"provisioningState": "Succeeded"},
        }

    def body(self) -> Json:
        """Return the subscription as it is read."""
        return {
            "id": f"/subscriptions/{self.id}",
            "subscriptionId": self.id,
            "tenantId": self.tenant,
            "displayName": "Simulated subscription",
            "state": "Enabled",
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01"},
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
        }


class Platform:
    """Subscriptions, each of one tenant and with its own resource groups. Ids are compared without regard to case."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, Subscription] = {}
        for subscription, tenant in seeds.SUBSCRIPTIONS.items():
            self.add_subscription(subscription, tenant)

    def add_subscription(self, subscription: str, tenant: str) -> None:
        """Add a subscription with the seeded resource groups; one that is there already stays as it is."""
        added = self._subscriptions.setdefault(subscription.casefold(), Subscription(subscription, tenant.casefold()))
        for name, location in seeds.RESOURCE_GROUPS.items():
            added.add_group(name, location)

    def add_group(self, name: str, location: str, subscription: str = seeds.SUBSCRIPTION_ID) -> None:
        """Add a resource group, or replace one.

        Raises ArmError 404 when there is no such subscription.
        """
        self.require_subscription(subscription).add_group(name, location)

    def tenants(self, tenants: Collection[str] = (seeds.TENANT_ID,)) -> Json:
        """Return the tenants of these ids."""
        return {
            "value": [
                {"id": f"/tenants/{each}", "tenantId": each, "displayName": "Simulated", "tenantCategory": "Home"}
                for each in tenants
            ]
        }

    def subscriptions(self, tenant: str = seeds.TENANT_ID, visible: Collection[str] | None = None) -> Json:
        """Return the subscriptions of a tenant; of these, where `visible` (ids in lower case) is given."""
        found = [
            each.body()
            for key, each in self._subscriptions.items()
            if each.tenant == tenant and (visible is None or key in visible)
        ]
        return {"value": found, "count": {"type": "Total", "value": len(found)}}

    def subscription(self, subscription: str) -> Json:
        """Return a subscription.

        Raises ArmError 404 when there is none of this id.
        """
        return self.require_subscription(subscription).body()

    def locations(self, subscription: str, closed: Collection[str] = (), *, extended: bool = False) -> Json:
        """Return the regions without those that are closed to the subscription; `extended`: edge zones, too."""
        self.require_subscription(subscription)
        open_regions = (region for name, region in regions.REGIONS.items() if name not in closed)
        zones = regions.EDGE_ZONES.values() if extended else ()
        shown = [regions.as_location(region, subscription) for region in open_regions]
        return {"value": [*shown, *(regions.as_extended_location(zone, subscription) for zone in zones)]}

    def groups(self, subscription: str) -> Json:
        return {"value": list(self.require_subscription(subscription).groups.values())}

    def group(self, subscription: str, name: str) -> Json:
        """Return a resource group.

        Raises ArmError 404 when the subscription or the group does not exist.
        """
        group = self.require_subscription(subscription).groups.get(name.casefold())
        if group is None:
            raise errors.resource_group_not_found(name)
        return group

    def tenant_of(self, subscription: str) -> str | None:
        """Return the tenant that a subscription trusts; None when there is no such subscription."""
        found = self._subscriptions.get(subscription.casefold())
        return found.tenant if found else None

    def require_subscription(self, subscription: str) -> Subscription:
        """Return a subscription.

        Raises ArmError 404 when there is none of this id.
        """
        found = self._subscriptions.get(subscription.casefold())
        if found is None:
            raise errors.subscription_not_found(subscription)
        return found
