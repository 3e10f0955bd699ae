"""Sources are looked at before Azure is asked to create a version."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dev.azure_simulator import Refuse, Source, seeds, source_id
from tests.integration import scenes
from tests.integration.driving import JSON, Driver, condition
from tests.integration.scenes import Scene
from tests.integration.sourcing import (
    HOME,
    VERSION,
    from_version,
    image,
    looks,
    machine,
    parents,
    puts,
    puts_of,
    ready,
    snapshot,
    vhd,
)

# --- sources ---


MISFITS = {
    "another region": (image("ubuntu-2404-eastus2"), {}, "it is in eastus2, the home region (location) is westeurope"),
    "another OS": (image("windows-2025-20261101"), {}, "its osType is Windows, the image definition's is Linux"),
    "another generation": (image("ubuntu-2404-gen1"), {}, "its hyperVGeneration is V1, the image definition's is V2"),
    "another architecture": (snapshot("ubuntu-os-arm64"), {}, "its architecture is Arm64"),
    "a machine of another architecture": (machine("ubuntu-arm64"), {}, "its architecture is Arm64"),
    "a machine of another generation": (machine("ubuntu-gen1"), {}, "its hyperVGeneration is V1"),
    "a purchase plan": (snapshot("ubuntu-os-plan"), {}, "its purchase plan is simulated / ubuntu-pro / pro"),
    "a specialized machine": (machine("ubuntu-specialized"), {}, "its osState is Specialized"),
    "a generalized machine": (
        machine("ubuntu-generalized"),
        {"osState": "Specialized"},
        "its osState is Generalized, the image definition's is Specialized",
    ),
    "an ephemeral disk": (machine("ubuntu-ephemeral"), {}, "it has an ephemeral OS disk"),
    "an unmanaged disk": (machine("ubuntu-unmanaged"), {}, "it has unmanaged disks"),
    "another account": (vhd("https://elsewhere.blob.core.windows.net/vhds/os.vhd"), {}, "account 'simulatedvhds'"),
}


@pytest.mark.parametrize("case", MISFITS)
async def test_a_source_that_does_not_fit_is_refused_before_azure_is_asked(
    case: str, scene: Scene, driver: Driver
) -> None:
    source, definition, told = MISFITS[case]
    await parents(scene, driver, **definition)
    scene.apply(scenes.version(source=source, targetRegions=HOME))
    await driver.settle()
    reason, message = await ready(scene, driver)
    assert reason == "SourceDiffers"
    assert told in message
    assert message.startswith("source.")
    assert puts(scene) == 0


async def test_a_vhd_in_another_cloud_gets_the_overviews_answer(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    uri = "https://simulatedvhds.blob.core.chinacloudapi.cn/vhds/os.vhd"
    scene.apply(scenes.version(source=vhd(uri), targetRegions=HOME))
    await driver.settle()
    reason, message = await ready(scene, driver)
    assert reason == "SourceInAnotherCloud"
    assert "versions are not replicated across clouds: copy the VHD into a storage account of this cloud" in message
    assert puts(scene) == 0


async def test_a_source_that_is_too_large_is_refused_but_shallow_replication_takes_it(
    scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver)
    large = source_id("Microsoft.Compute/snapshots", "ubuntu-os-large")
    scene.azure.add_source(Source(id=large, location="westeurope", sizeGB=4096))
    scene.apply(scenes.version(source=snapshot("ubuntu-os-large"), targetRegions=HOME))
    await driver.settle()
    reason, message = await ready(scene, driver)
    assert reason == "SourceDiffers"
    assert "4096 GB, replicationMode Full takes up to 2048 GB (Shallow: 32768 GB)" in message
    assert puts(scene) == 0
    shallow: JSON = {"replicationMode": "Shallow", "source": snapshot("ubuntu-os-large")}
    scene.apply(scenes.version("2.0.0", targetRegions=HOME, **shallow))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-2.0.0") == ("True", "Replicated")
    scene.azure.remove(large)


async def test_a_missing_source_is_waited_for_without_a_put_and_then_published(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    late = source_id("Microsoft.Compute/images", "ubuntu-late")
    scene.apply(scenes.version(source=image("ubuntu-late"), targetRegions=HOME))
    await looks(driver, 10, seconds=30)
    reason, message = await ready(scene, driver)
    assert (reason, late in message) == ("SourceNotFound", True)
    assert puts(scene) == 0
    scene.azure.add_source(Source(id=late, location="westeurope"))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", VERSION) == ("True", "Replicated")
    scene.azure.remove(late)


async def test_what_must_not_be_read_is_left_to_azure(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.fault(
        Refuse(match="GET .*/images/ubuntu-2404-gen1", status=403, code="AuthorizationFailed", message="no", times=None)
    )
    scene.apply(scenes.version(source=image("ubuntu-2404-gen1"), targetRegions=HOME))
    await driver.settle()
    assert puts(scene) == 1
    assert "Hypervisor generation" in condition(await scene.version(driver), "Stalled")["message"]


async def test_a_source_of_another_tenant_is_not_asked_for(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    foreign = source_id("Microsoft.Compute/images", "ubuntu-2404-foreign", seeds.FOREIGN_SUBSCRIPTION_ID)
    source = {"managedImage": {"id": foreign}, "tenantId": seeds.OTHER_TENANT_ID}
    scene.apply(scenes.version(source=source, targetRegions=HOME))
    await looks(driver)
    assert scene.azure.journal("GET .*ubuntu-2404-foreign") == []
    assert puts(scene) == 1
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", VERSION) == ("True", "Replicated")


async def test_many_versions_of_one_source_cost_one_look_at_it_and_a_put_each(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    numbers = [f"1.0.{patch}" for patch in range(8)]
    for number in numbers:
        scene.apply(scenes.version(number, source=snapshot("ubuntu-os"), targetRegions=HOME))
    await driver.round()
    await driver.round()
    reads = [each.path for each in scene.azure.journal("GET ")]
    assert puts(scene) == len(numbers)
    assert len([each for each in reads if each.endswith("/snapshots/ubuntu-os")]) == 1
    assert len([each for each in reads if each.endswith("/locations")]) == 0, "read for the gallery already"
    assert len([each for each in reads if each.endswith("/usages")]) == 0
    assert len(reads) <= 4, reads


# --- other versions as sources ---


async def test_a_version_by_id_is_waited_for_until_it_is_in_the_home_region(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(
        scenes.version(targetRegions=HOME),
        scenes.version(
            "3.0.0", location="eastus2", targetRegions=[{"name": "eastus2"}], source=image("ubuntu-2404-eastus2")
        ),
    )
    await driver.settle()
    scene.azure.clear_journal()
    for number, of in (("2.0.0", "1.0.0"), ("2.0.1", "3.0.0"), ("2.0.2", "9.0.0")):
        scene.apply(
            scenes.version(number, source={"galleryImageVersion": {"id": scenes.arm_id(of)}}, targetRegions=HOME)
        )
    await looks(driver, 40, seconds=30)
    assert await scene.ready(driver, "ImageVersion", "ubuntu-2.0.0") == ("True", "Replicated")
    reason, message = await ready(scene, driver, "2.0.1")
    assert (reason, "is not in westeurope, the home region" in message) == ("SourceNotReady", True)
    assert (await ready(scene, driver, "2.0.2"))[0] == "SourceNotFound"
    assert puts(scene) == 1


async def test_a_version_by_ref_is_published_as_soon_as_its_source_is_replicated(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version("1.1.0", source=from_version(), targetRegions=HOME))
    await looks(driver)
    reason, message = await ready(scene, driver, "1.1.0")
    assert (reason, "'ubuntu-1.0.0', does not exist in namespace" in message) == ("SourceNotReady", True)
    scene.apply(scenes.version(source=image("ubuntu-late")))
    await looks(driver)
    told = await ready(scene, driver, "1.1.0")
    assert told == ("SourceNotReady", "the source, ImageVersion 'ubuntu-1.0.0', is not in Azure yet")
    scene.delete("ImageVersion", VERSION)
    await looks(driver)
    scene.apply(scenes.version())
    await looks(driver)
    assert (await ready(scene, driver, "1.1.0"))[0] == "SourceNotReady"
    assert puts(scene) == 1
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.1.0") == ("True", "Replicated")
    assert scene.properties("1.1.0")["storageProfile"]["source"]["id"] == scenes.arm_id()
    assert scene.writes() == [("PUT", "1.0.0"), ("PUT", "1.1.0")]
    scene.azure.clear_journal()
    scene.delete("ImageVersion", VERSION)
    await driver.settle()
    await driver.pass_time(timedelta(hours=2))
    assert scene.writes() == [("DELETE", "1.0.0")], "what was made from it does not need it any more"


async def test_a_version_by_ref_is_waited_for_whatever_tenant_it_is_in(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    source = {**from_version(), "tenantId": seeds.OTHER_TENANT_ID}
    scene.apply(scenes.version(), scenes.version("1.1.0", source=source, targetRegions=HOME))
    await looks(driver)
    assert (await ready(scene, driver, "1.1.0"))[0] == "SourceNotReady"
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.1.0") == ("True", "Replicated")
    assert puts_of(scene, "1.1.0") == 1


async def test_the_end_of_a_replication_brings_those_back_that_wait_for_it(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(), scenes.version("1.1.0", source=from_version(), targetRegions=HOME))
    await looks(driver)
    while not puts_of(scene, "1.1.0"):
        await driver.round()
        scene.azure.advance(timedelta(seconds=5))
        done = scene.properties()["replicationStatus"]["summary"]
        home = next(each for each in done if each["region"] == "West Europe")
        seen = (await scene.version(driver)).get("status", {}).get("replication", {}).get("regions", [])
        if home["state"] == "Completed" and any(
            (each["name"], each["state"]) == ("westeurope", "Completed") for each in seen
        ):
            await driver.round()
            break
    assert puts_of(scene, "1.1.0") == 1, "nobody waited for the next poll"


async def test_a_version_that_is_made_from_itself_is_refused(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(
        scenes.version(source=from_version("1.0.0")),
        scenes.version("1.1.0", source=from_version("1.2.0")),
        scenes.version("1.2.0", source=from_version("1.1.0")),
        scenes.version("1.3.0", source={"galleryImageVersion": {"id": scenes.arm_id("1.3.0").upper()}}),
    )
    await driver.settle()
    assert (await ready(scene, driver))[0] == "InvalidSpec"
    reason, message = await ready(scene, driver, "1.3.0")
    assert (reason, "is the version itself" in message) == ("InvalidSpec", True)
    reason, message = await ready(scene, driver, "1.1.0")
    assert reason == "InvalidSpec"
    assert "ubuntu-1.1.0 from ubuntu-1.2.0 from ubuntu-1.1.0" in message
    assert puts(scene) == 0


async def test_a_source_is_not_deleted_while_a_version_is_made_from_it(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(targetRegions=HOME))
    await driver.settle()
    scene.apply(scenes.version("1.1.0", source=from_version(), targetRegions=HOME))
    await looks(driver)
    assert puts_of(scene, "1.1.0") == 1
    scene.delete("ImageVersion", VERSION)
    await looks(driver)
    reason, message = await ready(scene, driver)
    assert (reason, "'ubuntu-1.1.0' is being made from it" in message) == ("SourceBusy", True)
    assert scene.azure.journal("DELETE ") == []
    await driver.settle()
    assert scene.azure.resource(scenes.arm_id()) is None
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.1.0") == ("True", "Replicated")
