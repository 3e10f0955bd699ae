"""What a simulator starts with: tenants, subscriptions, resource groups; the sources are in `seeded_sources`."""

from __future__ import annotations

TENANT_ID = "00000000-0000-0000-0000-00000000000a"
SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000001"
#: Another subscription of the same tenant.
SECOND_SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000002"
#: Another tenant, and its subscription.
OTHER_TENANT_ID = "00000000-0000-0000-0000-00000000001a"
FOREIGN_SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000003"
CLIENT_ID = "00000000-0000-0000-0000-00000000000c"
CLIENT_SECRET = "simulated-client-secret"

#: Subscription -> tenant.
SUBSCRIPTIONS = {
    SUBSCRIPTION_ID: TENANT_ID,
    SECOND_SUBSCRIPTION_ID: TENANT_ID,
    FOREIGN_SUBSCRIPTION_ID: OTHER_TENANT_ID,
}
#: Resource group of every subscription -> location.
RESOURCE_GROUPS = {"images-rg": "westeurope", "sources-rg": "westeurope"}

#: (issuer, subject) of the service accounts trusted from the start; the switchboard adds more with `trust`.
FEDERATIONS = (
    ("https://localhost", "system:serviceaccount:gallery-operator:gallery-operator"),
    ("https://kubernetes.default.svc.cluster.local", "system:serviceaccount:gallery-operator:gallery-operator"),
)

#: The public name of someone's community gallery.
COMMUNITY_GALLERY = "simulated-5fd1f7a5-8b0c-4a39-9c8e-5d3a6a7b2c10"


def source_id(resource_type: str, name: str, subscription: str = SUBSCRIPTION_ID) -> str:
    """Return the id of a seeded source; `resource_type` is one such as `Microsoft.Compute/images`."""
    return f"/subscriptions/{subscription}/resourceGroups/sources-rg/providers/{resource_type}/{name}"


def community_id(image: str, version: str) -> str:
    """Return the id of a seeded version in a community gallery."""
    return f"/CommunityGalleries/{COMMUNITY_GALLERY}/Images/{image}/Versions/{version}"
