"""What is looked at before Azure is asked to create something: sources, regions, zones, encryption sets."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from dev.azure_simulator import AzureSimulator, FailOperation, Refuse, Source, seeds, source_id
from gallery_operator.api.arm_ids import GalleryId
from gallery_operator.engine.keys import Key
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


# --- regions and zones -----------------------------------------------------------------------------------------------


async def test_zone_redundant_storage_where_there_are_no_zones_is_refused_with_the_regions_that_have_them(
    scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver, versionDefaults={"storageAccountType": "Standard_ZRS"})
    scene.apply(scenes.version(targetRegions=[*HOME, {"name": "West US"}]))
    scene.apply(
        scenes.version(
            "2.0.0",
            source=snapshot("ubuntu-os"),
            targetRegions=[
                {"name": "westeurope", "storageAccountType": "Standard_ZRS"},
                {"name": "West US", "storageAccountType": "Standard_ZRS"},
                {"name": "ukwest", "additionalReplicaSets": [{"storageAccountType": "Standard_ZRS"}]},
            ],
        )
    )
    await driver.settle()
    reason, message = await ready(scene, driver)
    assert (reason, "westus cannot" in message) == ("ZonesMissing", True), "what the definition says counts, too"
    reason, message = await ready(scene, driver, "2.0.0")
    assert reason == "ZonesMissing"
    assert "westus, ukwest cannot" in message
    assert "of the others named here, westeurope can" in message
    assert "northeurope" in message, "other regions with zones are named, too"
    assert puts(scene) == 0
    assert condition(await scene.version(driver, "2.0.0"), "Stalled")["status"] == "True"


async def test_an_unknown_region_is_refused_with_the_nearest_match(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(targetRegions=[*HOME, {"name": "nortEurope"}, {"name": "China East 2"}]))
    await driver.settle()
    reason, message = await ready(scene, driver)
    assert reason == "RegionUnknown"
    assert "did you mean northeurope?" in message
    assert "chinaeast2 is a region of Azure operated by 21Vianet" in message
    assert puts(scene) == 0


async def test_a_gallery_and_a_definition_in_an_unknown_region_are_refused(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(location="westeurop"))
    await driver.settle()
    found = condition(await driver.services.kube.get("Gallery", scene.namespace, "platform"), "Ready")
    assert found["reason"] == "RegionUnknown"
    assert "location: the subscription has no region 'westeurop'; did you mean westeurope?" in found["message"]
    scene.azure.create([(str(scenes.GALLERY), {"location": "westeurope"})])
    name: JSON = {"galleryRef": {"id": str(scenes.GALLERY)}, "location": "usgovvirginia"}
    scene.apply(scenes.definition(**name))
    await driver.settle()
    found = condition(await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu"), "Ready")
    assert found["reason"] == "RegionUnknown"
    assert "Azure for US Government" in found["message"]
    assert scene.azure.journal("PUT ") == []


async def test_regions_are_read_once_a_day_and_an_edit_that_adds_an_unknown_one_sends_no_put(
    scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(targetRegions=HOME))
    await driver.settle()
    scene.azure.clear_journal()
    scene.apply(scenes.version(targetRegions=[*HOME, {"name": "eastus3"}]))
    await driver.settle()
    reason, message = await ready(scene, driver)
    assert (reason, "eastus" in message) == ("RegionUnknown", True)
    assert (puts(scene), scene.azure.journal("GET .*/locations$")) == (0, [])
    scene.apply(scenes.version(targetRegions=[*HOME, {"name": "eastus2"}]))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", VERSION) == ("True", "Replicated")
    assert puts(scene) == 1


async def test_a_region_is_not_removed_for_storage_that_it_cannot_hold(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    safety = {"allowRegionRemoval": True}
    scene.apply(scenes.version(targetRegions=[*HOME, {"name": "westus"}], safety=safety))
    await driver.settle()
    zonal = {"name": "westus", "storageAccountType": "Standard_ZRS"}
    scene.apply(scenes.version(targetRegions=[*HOME, zonal], safety=safety))
    await driver.settle()
    reason, message = await ready(scene, driver)
    assert (reason, "westus cannot hold Standard_ZRS" in message) == ("ZonesMissing", True)
    assert set(scene.regions()) == {"West Europe", "West US"}
    assert puts(scene) == 1


async def test_without_the_right_to_read_regions_azure_is_asked(scene: Scene, driver: Driver) -> None:
    refusal = Refuse(match=r"GET .*/locations$", status=403, code="AuthorizationFailed", message="no", times=None)
    scene.azure.fault(refusal)
    await parents(scene, driver)
    scene.apply(scenes.version(targetRegions=[*HOME, {"name": "atlantis"}]))
    await driver.settle()
    assert puts(scene) == 1
    assert condition(await scene.version(driver), "Stalled")["reason"] == "InvalidParameter"


# --- sources ---------------------------------------------------------------------------------------------------------

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


# --- other versions as sources ---------------------------------------------------------------------------------------


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


def puts_of(scene: Scene, number: str) -> int:
    return len(scene.azure.journal(f"PUT .*/versions/{number}$"))


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


# --- one build at a time ---------------------------------------------------------------------------------------------


async def test_versions_of_one_managed_image_are_built_one_after_the_other(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    numbers = ("1.0.0", "1.0.1", "1.0.2")
    for number in numbers:
        id_ = scenes.SOURCE if number == numbers[0] else scenes.SOURCE.replace("sources-rg", "Sources-RG")
        scene.apply(scenes.version(number, source={"managedImage": {"id": id_}}, targetRegions=HOME))
    await looks(driver)
    assert puts(scene) == 1
    told = [await ready(scene, driver, number) for number in numbers]
    builder = next(number for number, (reason, _) in zip(numbers, told, strict=True) if reason != "SourceBusy")
    waiting = [message for reason, message in told if reason == "SourceBusy"]
    assert len(waiting) == 2
    assert all(f"waiting for ImageVersion 'ubuntu-{builder}'" in message for message in waiting)
    await driver.settle()
    assert puts(scene) == len(numbers), "none of them had to be tried again"
    for number in numbers:
        assert await scene.ready(driver, "ImageVersion", f"ubuntu-{number}") == ("True", "Replicated")


async def test_workers_that_look_at_the_same_moment_do_not_both_take_the_image(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    numbers = [f"1.0.{patch}" for patch in range(6)]
    for number in numbers:
        scene.apply(scenes.version(number, targetRegions=HOME))
    await driver.refresh()
    keys = [Key("ImageVersion", scene.namespace, f"ubuntu-{number}") for number in numbers]
    for _ in range(2):
        await asyncio.gather(*map(driver.reconcilers["ImageVersion"], keys))
    assert puts(scene) == 1
    reasons = [(await ready(scene, driver, number))[0] for number in numbers]
    assert reasons.count("SourceBusy") == len(numbers) - 1


async def test_a_refused_build_frees_the_image_for_the_next(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.fault(Refuse(match="PUT .*/versions/1.0.0$", status=409, code="ScopeLocked", message="no", times=None))
    scene.apply(scenes.version(targetRegions=HOME), scenes.version("1.0.1", targetRegions=HOME))
    await looks(driver, 40, seconds=30)
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.1") == ("True", "Replicated")
    assert (await ready(scene, driver))[0] == "ScopeLocked"


async def test_another_process_and_another_namespace_wait_for_the_build_that_azure_shows(
    scene: Scene, driver: Driver, simulator: AzureSimulator
) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(targetRegions=HOME))
    await looks(driver, 1)
    assert puts(scene) == 1
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    heir = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    await looks(heir)
    reason, message = await ready(scene, heir, "1.0.1")
    assert (reason, VERSION in message) == ("SourceBusy", True)
    other = GalleryId(scenes.GALLERY.subscription, "images-rg", "other")
    await heir.close()
    elsewhere = scene.in_a_new_namespace()
    both = await Driver.start(scene.cluster, simulator, scene.azure, elsewhere.namespace, also=(scene.namespace,))
    theirs = scenes.version("1.0.2", targetRegions=HOME, imageDefinitionRef={"id": str(other.definition("ubuntu"))})
    body = {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "architecture": "x64"}
    identifier = {"publisher": "contoso", "offer": "other", "sku": "1"}
    scene.azure.create(
        [
            (str(other), {"location": "westeurope"}),
            (
                str(other.definition("ubuntu")),
                {"location": "westeurope", "properties": {**body, "identifier": identifier}},
            ),
        ]
    )
    elsewhere.apply(theirs)
    await looks(both)
    reason, message = await ready(elsewhere, both, "1.0.2")
    assert reason == "SourceBusy"
    assert message.endswith("waiting for an ImageVersion of another namespace")
    assert puts(scene) == 1
    await both.settle()
    assert await elsewhere.ready(both, "ImageVersion", "ubuntu-1.0.2") == ("True", "Replicated")
    assert puts(scene) == 3
    await both.close()


async def test_the_turn_of_one_that_was_deleted_meanwhile_goes_to_the_next(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    for number in ("1.0.0", "1.0.1", "1.0.2"):
        scene.apply(scenes.version(number, targetRegions=HOME))
        await looks(driver)
    scene.delete("ImageVersion", "ubuntu-1.0.1")
    while scene.properties()["provisioningState"] != "Succeeded":
        await driver.round()
        scene.azure.advance(timedelta(seconds=10))
    while (await ready(scene, driver))[0] != "Replicated":
        scene.azure.advance(timedelta(seconds=1))
        await driver.round()
    await looks(driver)
    assert puts_of(scene, "1.0.2") == 1, "it did not have to look by itself"
    assert puts_of(scene, "1.0.1") == 0


async def test_a_build_goes_on_without_its_object_and_is_waited_for(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(targetRegions=HOME, deletionPolicy="Retain"))
    await looks(driver)
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    scene.delete("ImageVersion", VERSION)
    await looks(driver)
    assert [each["metadata"]["name"] for each in scene.objects("ImageVersion")] == ["ubuntu-1.0.1"]
    reason, message = await ready(scene, driver, "1.0.1")
    assert (reason, "waiting for version 1.0.0 of the same image definition" in message) == ("SourceBusy", True)
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.1") == ("True", "Replicated")
    assert puts(scene) == 2, "neither build failed"


async def test_a_paused_build_holds_nobody_up_when_it_is_over(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.definition("other", identifier={"publisher": "contoso", "offer": "other", "sku": "1"}))
    scene.apply(scenes.version(targetRegions=HOME, imageDefinitionRef={"name": "other"}))
    while not puts(scene):
        await driver.round()
        scene.azure.advance(timedelta(seconds=1))
    scene.annotate("ImageVersion", VERSION, "gallery-operator.io/paused", "true")
    scene.annotate("ImageDefinition", "other", "gallery-operator.io/paused", "true")
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    await looks(driver)
    reason, message = await ready(scene, driver, "1.0.1")
    assert (reason, f"waiting for ImageVersion '{VERSION}'" in message) == ("SourceBusy", True)
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.1") == ("True", "Replicated")
    assert puts(scene) == 2


async def test_a_failed_build_and_the_next_one_do_not_disturb_each_other(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.fault(FailOperation(match="PUT .*/versions/1.0.0$", code="InternalError", message="broke"))
    scene.apply(scenes.version(targetRegions=HOME))
    await looks(driver)
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    await driver.settle()
    for number in ("1.0.0", "1.0.1"):
        assert await scene.ready(driver, "ImageVersion", f"ubuntu-{number}") == ("True", "Replicated")
    assert (puts_of(scene, "1.0.0"), puts_of(scene, "1.0.1")) == (2, 1)


async def test_a_failed_build_is_not_tried_again_while_another_one_goes_on(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.fault(FailOperation(match="PUT .*/versions/1.0.0$", code="InternalError", message="broke", times=2))
    scene.apply(scenes.version(targetRegions=HOME, deletionPolicy="Retain"))
    while puts(scene) < 2 or scene.properties()["provisioningState"] != "Failed":
        await driver.round()
        scene.azure.advance(timedelta(seconds=30))
    await driver.round()
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    await looks(driver, 6, seconds=40)
    assert scene.properties("1.0.1")["provisioningState"] == "Creating"
    reason, message = await ready(scene, driver)
    assert (reason, "waiting for ImageVersion 'ubuntu-1.0.1'" in message) == ("SourceBusy", True)
    await driver.settle()
    for number in ("1.0.0", "1.0.1"):
        assert await scene.ready(driver, "ImageVersion", f"ubuntu-{number}") == ("True", "Replicated")
    assert [number for _, number in scene.writes("PUT .*/versions/")] == ["1.0.0", "1.0.0", "1.0.1", "1.0.0"]


# --- encryption sets -------------------------------------------------------------------------------------------------


def encrypted(region: str, name: str, *luns: int, subscription: str = seeds.SUBSCRIPTION_ID) -> JSON:
    id_ = source_id("Microsoft.Compute/diskEncryptionSets", name, subscription)
    data = [{"lun": lun, "diskEncryptionSetId": id_} for lun in luns]
    disks = {"osDisk": {"diskEncryptionSetId": id_}, **({"dataDisks": data} if data else {})}
    return {"name": region, "encryption": disks}


SETS = {
    "another subscription": (
        [encrypted("westeurope", "des-second", subscription=seeds.SECOND_SUBSCRIPTION_ID)],
        "EncryptionDiffers",
        "use a set in the version's subscription",
    ),
    "another region": (
        [encrypted("westeurope", "des-westeurope"), encrypted("northeurope", "des-eastus2")],
        "EncryptionDiffers",
        "targetRegions[northeurope].encryption.osDisk.diskEncryptionSetId",
    ),
    "a disk that is not there": (
        [encrypted("westeurope", "des-westeurope", 0, 7)],
        "SourceDiffers",
        "no data disk at LUN 7 (it has: 0, 1)",
    ),
    "a set in one region, Azure's key in another": (
        [
            encrypted("westeurope", "des-westeurope"),
            {
                "name": "northeurope",
                "encryption": {"osDisk": {"securityProfile": {"confidentialVMEncryptionType": "EncryptedWithPmk"}}},
            },
        ],
        "EncryptionDiffers",
        "there is one in westeurope, and none in northeurope",
    ),
    "no such set": ([encrypted("westeurope", "des-nowhere")], "SourceNotFound", "Azure has no"),
}


@pytest.mark.parametrize("case", SETS)
async def test_an_encryption_set_that_will_not_do_is_refused_before_azure_is_asked(
    case: str, scene: Scene, driver: Driver
) -> None:
    targets, expected, told = SETS[case]
    await parents(scene, driver)
    scene.apply(scenes.version(source=image("ubuntu-2404-data"), targetRegions=targets))
    await looks(driver)
    reason, message = await ready(scene, driver)
    assert reason == expected
    assert told in message
    assert puts(scene) == 0


async def test_encryption_that_fits_is_published(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    targets = [encrypted(region, f"des-{region}", 0, 1) for region in ("westeurope", "northeurope")]
    scene.apply(scenes.version(source=image("ubuntu-2404-data"), targetRegions=targets))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", VERSION) == ("True", "Replicated")
    assert puts(scene) == 1


async def test_a_region_does_not_leave_for_other_storage_when_its_encryption_set_is_gone(
    scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver)
    targets = [encrypted(region, f"des-{region}", 0, 1) for region in ("westeurope", "northeurope")]
    scene.apply(scenes.version(source=image("ubuntu-2404-data"), targetRegions=targets))
    await driver.settle()
    set_id = source_id("Microsoft.Compute/diskEncryptionSets", "des-northeurope")
    scene.azure.remove(set_id)
    scene.azure.advance(timedelta(minutes=2))
    targets = [targets[0], {**targets[1], "storageAccountType": "Premium_LRS"}]
    safety = {"allowRegionRemoval": True}
    scene.apply(scenes.version(source=image("ubuntu-2404-data"), targetRegions=targets, safety=safety))
    await looks(driver)
    reason, message = await ready(scene, driver)
    assert reason == "SourceNotFound"
    assert set_id in message
    assert set(scene.regions()) == {"West Europe", "North Europe"}
    assert puts(scene) == 1
    scene.azure.add_source(Source(id=set_id, location="northeurope"))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", VERSION) == ("True", "Replicated")
