"""Regions, availability zones and encryption sets are looked at before Azure is asked to put a version there."""

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
    image,
    looks,
    parents,
    puts,
    ready,
    snapshot,
)

# --- regions and zones ---


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


# --- encryption sets ---


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
