"""The sources that are there from the start: all in westeurope, and in the first subscription, unless named otherwise.

Their names say what is special about them.
"""

from __future__ import annotations

from collections.abc import Iterator

from dev.azure_simulator.seeds import (
    FOREIGN_SUBSCRIPTION_ID,
    SECOND_SUBSCRIPTION_ID,
    SUBSCRIPTION_ID,
    community_id,
    source_id,
)
from dev.azure_simulator.sources import Blob, DataDisk, Plan, Source

_UBUNTU = ("canonical", "ubuntu-24_04-lts", "server")
_WINDOWS = ("microsoftwindowsserver", "windowsserver", "2025-datacenter-g2")
_PLAN = Plan(name="pro", publisher="simulated", product="ubuntu-pro")
_DAYS = ("20261101", "20261108", "20261115", "20261122", "20261129")
_DISKS = (DataDisk(lun=0, sizeGB=64), DataDisk(lun=1, sizeGB=128))
_SUBSCRIPTIONS = {"first": SUBSCRIPTION_ID, "second": SECOND_SUBSCRIPTION_ID, "foreign": FOREIGN_SUBSCRIPTION_ID}


def sources() -> list[Source]:
    """Return the seeded sources."""
    return [*_images(), *_disks(), *_machines(), *_storage_accounts(), *_encryption_sets(), *_community_versions()]


def _images() -> Iterator[Source]:
    for day in _DAYS:
        yield _compute("images", f"ubuntu-2404-{day}", platform=_UBUNTU)
    yield _compute("images", "ubuntu-2404-eastus2", location="eastus2", platform=_UBUNTU)
    yield _compute("images", "ubuntu-2404-data", dataDisks=_DISKS, platform=_UBUNTU)
    yield _compute("images", "ubuntu-2404-gen1", hyperVGeneration="V1", platform=_UBUNTU)
    yield _compute("images", "windows-2025-20261101", osType="Windows", sizeGB=127, platform=_WINDOWS)
    yield _compute("images", "ubuntu-2404-second", subscription="second", platform=_UBUNTU)
    yield _compute("images", "ubuntu-2404-foreign", subscription="foreign", platform=_UBUNTU)


def _disks() -> Iterator[Source]:
    for kind in ("snapshots", "disks"):
        yield _compute(kind, "ubuntu-os")
        yield _compute(kind, "ubuntu-data", isDataDisk=True, sizeGB=64)
        yield _compute(kind, "ubuntu-os-arm64", architecture="Arm64", diskControllerTypes="SCSI, NVMe")
        yield _compute(kind, "ubuntu-os-plan", plan=_PLAN)
        yield _compute(kind, "ubuntu-os-second", subscription="second")
        yield _compute(kind, "ubuntu-os-foreign", subscription="foreign")
    yield _compute("disks", "ubuntu-data-ultra", isDataDisk=True, obstacle="UltraSSD")


def _machines() -> Iterator[Source]:
    for name, more in (
        ("ubuntu-generalized", {}),
        ("ubuntu-specialized", {"osState": "Specialized"}),
        ("ubuntu-data", {"dataDisks": _DISKS}),
        ("ubuntu-arm64", {"architecture": "Arm64"}),
        ("ubuntu-gen1", {"hyperVGeneration": "V1"}),
        ("ubuntu-plan", {"plan": _PLAN}),
        ("ubuntu-ephemeral", {"obstacle": "EphemeralOSDisk"}),
        ("ubuntu-ultra", {"obstacle": "UltraSSD", "dataDisks": _DISKS}),
        ("ubuntu-unmanaged", {"obstacle": "UnmanagedDisk"}),
        ("ubuntu-second", {"subscription": "second"}),
    ):
        yield _compute("virtualMachines", name, platform=_UBUNTU, **more)


def _storage_accounts() -> Iterator[Source]:
    blobs = (Blob(name="vhds/os.vhd"), Blob(name="vhds/data.vhd", sizeGB=64))
    account = source_id("Microsoft.Storage/storageAccounts", "simulatedvhds")
    yield Source(id=account, location="westeurope", blobs=blobs)


def _encryption_sets() -> Iterator[Source]:
    for region in ("westeurope", "northeurope", "eastus2"):
        yield _compute("diskEncryptionSets", f"des-{region}", location=region)
        yield _compute("diskEncryptionSets", f"cvm-{region}", location=region, confidential=True)
    yield _compute("diskEncryptionSets", "des-second", subscription="second")


def _community_versions() -> Iterator[Source]:
    for version in ("1.0.0", "1.1.0"):
        yield Source(id=community_id("ubuntu-2404", version), location="westeurope", platform=_UBUNTU)


def _compute(kind: str, name: str, *, subscription: str = "first", **more: object) -> Source:
    path = source_id(f"Microsoft.Compute/{kind}", name, _SUBSCRIPTIONS[subscription])
    return Source.model_validate({"id": path, "location": "westeurope", **more})
