"""Two writers: the operator publishes a version, and someone works on it with the real Azure CLI at the same time.

Azure has no ETag for galleries, so each writer replaces what it read before. Nobody's change may be lost for good.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from dev.azure_simulator import Delay
from tests.integration import conftest as integration
from tests.integration import scenes
from tests.integration.driving import Driver, condition
from tests.integration.scenes import Scene
from tests.simulator.azure_cli import AzureCli, needs_az

pytestmark = needs_az
crds, scene, driver = integration.crds, integration.scene, integration.driver

UPDATE = (
    *("sig", "image-version", "update", "--no-wait"),
    *("-g", "images-rg", "-r", "platform", "-i", "ubuntu", "-e", "1.0.0"),
)
REGION = ("--add", "publishingProfile.targetRegions", "name=eastus2", "regionalReplicaCount=3")
TAG = ("--set", "tags.team=web")


def regions(replicas: int, *more: str) -> list[dict[str, Any]]:
    return [{"name": "westeurope", "replicas": replicas}, *({"name": each} for each in ("northeurope", *more))]


def tags(scene: Scene) -> dict[str, str]:
    found = scene.azure.resource(scenes.arm_id())
    assert found is not None
    listed: dict[str, str] = found["tags"]
    return listed


async def published(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(), scenes.definition(), scenes.version(targetRegions=regions(1)))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")


async def test_a_tag_by_az_and_replicas_by_the_operator_are_both_kept(
    scene: Scene, driver: Driver, az: AzureCli
) -> None:
    await published(scene, driver)
    az(*UPDATE, *TAG)
    scene.apply(scenes.version(targetRegions=regions(4)))
    await driver.round()
    assert scene.properties()["provisioningState"] == "Updating"
    assert scene.regions()["West Europe"] == 1, "the update by az comes first"
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.regions() == {"West Europe": 4, "North Europe": 1}
    assert tags(scene)["team"] == "web"
    assert scenes.OWNER_TAG in tags(scene)


async def test_a_region_that_az_adds_stays_and_the_operator_asks_what_to_do_with_it(
    scene: Scene, driver: Driver, az: AzureCli
) -> None:
    await published(scene, driver)
    az(*UPDATE, *REGION, *TAG)
    scene.apply(scenes.version(targetRegions=regions(4)))
    await driver.settle()
    assert scene.regions()["East US 2"] == 3
    stalled = condition(await scene.version(driver), "Stalled")
    assert stalled["reason"] == "RegionRemovalNotAllowed"
    assert "East US 2" in stalled["message"]
    scene.apply(scenes.version(targetRegions=regions(4, "eastus2")))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.regions() == {"West Europe": 4, "North Europe": 1, "East US 2": 3}
    assert tags(scene)["team"] == "web"


async def test_az_is_refused_while_an_update_by_the_operator_is_running(
    scene: Scene, driver: Driver, az: AzureCli
) -> None:
    await published(scene, driver)
    scene.azure.clear_journal()
    scene.apply(scenes.version(targetRegions=regions(4)))
    await driver.round()
    assert scene.writes() == [("PUT", "1.0.0")]
    assert "another operation on it is in progress" in await asyncio.to_thread(az.refused, *UPDATE, *TAG)
    await driver.settle()
    az(*UPDATE, *TAG)
    await driver.settle()
    assert scene.regions()["West Europe"] == 4
    assert tags(scene)["team"] == "web"


async def test_what_az_overwrites_unknowingly_the_operator_puts_right(
    scene: Scene, driver: Driver, az: AzureCli
) -> None:
    await published(scene, driver)
    scene.azure.fault(Delay(match="PUT .*/versions/", seconds=7200))  # az has read, and not written yet
    late = asyncio.create_task(asyncio.to_thread(az, *UPDATE, *TAG))
    while scene.azure.faults():
        assert not late.done()
        await asyncio.sleep(0.1)
    scene.apply(scenes.version(targetRegions=regions(4)))
    await driver.settle()
    assert scene.regions()["West Europe"] == 4
    scene.azure.advance(timedelta(hours=2))
    await late
    assert scene.regions()["West Europe"] == 1, "az has written what it read before"
    await driver.pass_time(timedelta(hours=1))
    assert scene.regions()["West Europe"] == 4
    assert tags(scene)["team"] == "web"
