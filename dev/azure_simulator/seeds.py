"""What a simulator starts with: tenants, subscriptions, resource groups, and sources to publish from."""

from __future__ import annotations

from dev.azure_simulator.sources import DataDisk, Source

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

_UBUNTU = ("canonical", "ubuntu-24_04-lts", "server")
_WINDOWS = ("microsoftwindowsserver", "windowsserver", "2025-datacenter-g2")


def source_id(resource_type: str, name: str) -> str:
    """Return the id of a seeded source; `resource_type` is one such as `Microsoft.Compute/images`."""
    return f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/sources-rg/providers/{resource_type}/{name}"


def _image(name: str, location: str = "westeurope", **more: object) -> Source:
    return Source.model_validate({"id": source_id("Microsoft.Compute/images", name), "location": location, **more})


def _disk(kind: str, name: str, **more: object) -> Source:
    return Source.model_validate({"id": source_id(f"Microsoft.Compute/{kind}", name), "location": "westeurope", **more})


def sources() -> list[Source]:
    """Return the seeded sources; all in westeurope where not said otherwise."""
    disks = (DataDisk(lun=0, sizeGB=64), DataDisk(lun=1, sizeGB=128))
    return [
        *(_image(f"ubuntu-2404-{day}", platform=_UBUNTU) for day in ("20261101", "20261108", "20261115", "20261122")),
        _image("ubuntu-2404-eastus2", "eastus2", platform=_UBUNTU),
        _image("ubuntu-2404-data", dataDisks=disks, platform=_UBUNTU),
        _image("ubuntu-2404-gen1", hyperVGeneration="V1", platform=_UBUNTU),
        _image("windows-2025-20261101", osType="Windows", sizeGB=127, platform=_WINDOWS),
        _disk("snapshots", "ubuntu-os"),
        _disk("snapshots", "ubuntu-data", isDataDisk=True, sizeGB=64),
        _disk("disks", "ubuntu-os"),
        _disk("disks", "ubuntu-data", isDataDisk=True, sizeGB=64),
        _disk("virtualMachines", "ubuntu-generalized", platform=_UBUNTU),
        _disk("virtualMachines", "ubuntu-specialized", osState="Specialized", platform=_UBUNTU),
        Source(id=source_id("Microsoft.Storage/storageAccounts", "simulatedvhds"), location="westeurope"),
    ]
