"""What tests of sources share: the seeded sources as specs name them, and looks at what becomes of a version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dev.azure_simulator import source_id
from tests.integration import scenes
from tests.integration.driving import JSON, Driver, condition
from tests.integration.scenes import Scene

VERSION = "ubuntu-1.0.0"
HOME = [{"name": "westeurope"}]


def image(name: str) -> JSON:
    return {"managedImage": {"id": source_id("Microsoft.Compute/images", name)}}


def snapshot(name: str) -> JSON:
    return {"disks": {"os": {"snapshot": {"id": source_id("Microsoft.Compute/snapshots", name)}}}}


def machine(name: str) -> JSON:
    return {"virtualMachine": {"id": source_id("Microsoft.Compute/virtualMachines", name)}}


def vhd(uri: str, account: str = "simulatedvhds") -> JSON:
    account_id = source_id("Microsoft.Storage/storageAccounts", account)
    return {"disks": {"os": {"vhd": {"uri": uri, "storageAccountId": account_id}}}}


def from_version(number: str = "1.0.0") -> JSON:
    return {"galleryImageVersion": {"ref": f"ubuntu-{number}"}}


async def parents(scene: Scene, driver: Driver, **definition: Any) -> None:
    """Bring gallery and definition to Azure, and forget the requests that took."""
    scene.apply(scenes.gallery(), scenes.definition(**definition))
    await driver.settle()
    scene.azure.clear_journal()


async def looks(driver: Driver, times: int = 3, *, seconds: float = 0.0) -> None:
    for _ in range(times):
        await driver.round()
        driver.azure.advance(timedelta(seconds=seconds))


async def ready(scene: Scene, driver: Driver, number: str = "1.0.0") -> tuple[str, str]:
    """Return reason and message of a version's Ready."""
    found = condition(await scene.version(driver, number), "Ready")
    return found.get("reason", ""), found.get("message", "")


def puts(scene: Scene) -> int:
    return len(scene.azure.journal("PUT .*/versions/"))


def puts_of(scene: Scene, number: str) -> int:
    return len(scene.azure.journal(f"PUT .*/versions/{number}$"))
