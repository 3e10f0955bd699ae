"""Changes of a version that Azure makes only in several steps, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dev.azure_simulator import FailOperation, FailRegion, Refuse, Throttle
from gallery_operator.api import names
from gallery_operator.domain.resources import ATTEMPTS
from tests.integration import scenes
from tests.integration.driving import Driver, condition
from tests.integration.scenes import Scene

REMOVABLE = {"allowRegionRemoval": True}


async def parents(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(), scenes.definition())
    await driver.settle()


def storage(scene: Scene) -> dict[str, str]:
    listed = scene.properties()["publishingProfile"]["targetRegions"]
    return {each["name"]: each["storageAccountType"] for each in listed}


def targets(**types: str) -> list[dict[str, Any]]:
    return [{"name": name, "storageAccountType": type_} for name, type_ in types.items()]


async def test_a_region_changes_its_storage_by_leaving_and_coming_back(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    plain = targets(westeurope="Standard_LRS", northeurope="Standard_LRS", eastus2="Standard_LRS")
    moved = targets(westeurope="Standard_LRS", northeurope="Standard_ZRS", eastus2="Premium_LRS")
    scene.apply(scenes.version(targetRegions=plain))
    await driver.settle()
    scene.azure.clear_journal()
    scene.apply(scenes.version(targetRegions=moved))
    await driver.settle()
    assert condition(await scene.version(driver), "Stalled")["reason"] == "StorageTypeDiffers"
    assert scene.writes() == []
    scene.apply(scenes.version(targetRegions=moved, safety=REMOVABLE))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert storage(scene) == {"West Europe": "Standard_LRS", "North Europe": "Standard_ZRS", "East US 2": "Premium_LRS"}
    assert scene.writes() == [("PUT", "1.0.0")] * 4
    for each in scene.azure.journal("PUT .*/versions/"):
        names_ = [region["name"] for region in each.body["properties"]["publishingProfile"]["targetRegions"]]
        assert "westeurope" in names_
        assert len(names_) >= 2, "one region at a time"


async def _until_written(scene: Scene, driver: Driver, writes: int) -> None:
    while len(scene.writes()) < writes:
        await driver.round()
        scene.azure.advance(timedelta(seconds=10))


async def test_a_region_that_left_comes_back_although_the_permission_was_taken_away(
    scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver)
    before = targets(westeurope="Standard_LRS", northeurope="Standard_LRS", eastus2="Standard_LRS")
    after = targets(westeurope="Standard_LRS", northeurope="Standard_ZRS", eastus2="Premium_LRS")
    scene.apply(scenes.version(targetRegions=before))
    await driver.settle()
    scene.azure.clear_journal()
    scene.apply(scenes.version(targetRegions=after, safety=REMOVABLE))
    await _until_written(scene, driver, 1)
    assert set(storage(scene)) == {"West Europe", "North Europe"}
    scene.apply(scenes.version(targetRegions=after))
    await driver.settle()
    assert storage(scene)["East US 2"] == "Premium_LRS"
    assert storage(scene)["North Europe"] == "Standard_LRS"
    assert condition(await scene.version(driver), "Stalled")["reason"] == "StorageTypeDiffers"


async def test_no_region_leaves_for_other_storage_while_another_one_has_failed(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    moved = ("eastus2", "japaneast", "northeurope")
    scene.apply(
        scenes.version(targetRegions=targets(westeurope="Standard_LRS", **dict.fromkeys(moved, "Standard_LRS")))
    )
    await driver.settle()
    scene.azure.clear_journal()
    scene.azure.fault(FailRegion(region="eastus2", details="no capacity", times=3))
    wanted = targets(westeurope="Standard_LRS", **dict.fromkeys(moved, "Premium_LRS"))
    scene.apply(scenes.version(targetRegions=wanted, safety=REMOVABLE))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    sent = [
        {
            each["name"]: each["storageAccountType"]
            for each in put.body["properties"]["publishingProfile"]["targetRegions"]
        }
        for put in scene.azure.journal("PUT .*/versions/")
    ]
    east_failed = sent[1:6]
    assert all({"japaneast", "northeurope"} <= set(each) for each in east_failed)
    assert all(len(each) >= len(moved) for each in sent)
    assert storage(scene) == {"West Europe": "Standard_LRS"} | dict.fromkeys(
        ("North Europe", "East US 2", "Japan East"), "Premium_LRS"
    )


async def test_a_region_with_an_edge_zone_changes_its_storage_with_it(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    zones = [{"name": "ATTAtlanta1", "region": "East US 2"}]
    before = targets(westeurope="Standard_LRS", eastus2="Standard_LRS")
    scene.apply(scenes.version(targetRegions=before, edgeZones=zones))
    await driver.settle()
    scene.azure.clear_journal()
    after = targets(westeurope="Standard_LRS", eastus2="Premium_LRS")
    scene.apply(scenes.version(targetRegions=after, edgeZones=zones, safety=REMOVABLE))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert storage(scene) == {"West Europe": "Standard_LRS", "East US 2": "Premium_LRS"}
    assert len(scene.properties()["publishingProfile"]["targetExtendedLocations"]) == 1
    assert scene.writes() == [("PUT", "1.0.0")] * 2


@pytest.mark.parametrize("status", [409, 500])
async def test_a_change_that_azure_goes_on_refusing_is_told_in_azures_words(
    status: int, scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version())
    await driver.settle()
    scene.azure.clear_journal()
    words = "no capacity for this today"
    scene.azure.fault(Refuse(match="PUT .*versions", status=status, code="NotToday", message=words, times=None))
    scene.apply(scenes.version(replicas=3))
    for hours in range(3):
        await driver.live(timedelta(hours=1))
        assert words in condition(await scene.version(driver), "Ready")["message"], hours
    assert 6 <= len(scene.azure.journal("PUT .*versions")) <= 60
    scene.azure.clear_faults()
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")


async def test_a_repair_that_azure_refuses_counts_as_one(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.clear_journal()
    scene.azure.fault(FailRegion(region="eastus2", details="no capacity", times=None))
    refused = Refuse(match="PUT .*versions/1", status=409, code="OperationNotAllowed", message="not now", times=None)
    scene.apply(scenes.version())
    await _until_written(scene, driver, 1)
    scene.azure.fault(refused)
    await driver.live(timedelta(hours=6))
    assert condition(await scene.version(driver), "Stalled")["reason"] == "ReplicationFailed"
    assert len(scene.azure.journal("PUT .*versions/1")) == 1 + ATTEMPTS


async def test_a_change_that_came_too_early_for_azure_is_sent_again_when_azure_says(
    scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version())
    await driver.settle()
    scene.azure.fault(Throttle(match="PUT .*versions", retry_after=20, times=3))
    scene.apply(scenes.version(replicas=3))
    await driver.live(timedelta(seconds=75))
    assert set(scene.regions().values()) == {2, 3}


async def test_a_creation_that_fails_outright_is_made_anew_once(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.clear_journal()
    scene.azure.fault(FailOperation(match="PUT .*versions", code="PirError", message="the copy broke off", times=2))
    scene.apply(scenes.version())
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.writes() == [("PUT", "1.0.0")] * 2 + [("DELETE", "1.0.0"), ("PUT", "1.0.0")]
    assert any(each.startswith("Recreating ImageVersion") for each in scene.events())


async def test_what_fails_again_after_that_waits_for_someone(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.clear_journal()
    scene.azure.fault(FailOperation(match="PUT .*versions", code="PirError", message="the copy broke off", times=None))
    scene.apply(scenes.version())
    await driver.settle(rounds=400)
    stalled = condition(await scene.version(driver), "Stalled")
    assert stalled["status"] == "True"
    assert [each for each in scene.writes() if each[0] == "DELETE"] == [("DELETE", "1.0.0")]
    assert len(scene.writes()) <= 12
    scene.azure.clear_journal()
    await driver.pass_time(timedelta(hours=6))
    assert scene.writes() == []


async def test_a_version_that_served_once_is_never_deleted_for_a_failure(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version())
    await driver.settle()
    scene.azure.clear_journal()
    scene.azure.fault(FailRegion(region="japaneast", details="no capacity", times=None))
    more = ["westeurope", "northeurope", "eastus2", "japaneast"]
    scene.apply(scenes.version(targetRegions=[{"name": each} for each in more]))
    await driver.settle(rounds=400)
    assert {each[0] for each in scene.writes()} == {"PUT"}
    assert names.RECREATED not in (await scene.version(driver))["metadata"].get("annotations", {})


async def test_repairs_show_attempts_and_when_the_next_is_due(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.fault(FailRegion(region="eastus2", details="no capacity", times=None))
    scene.apply(scenes.version())
    seen: list[dict[str, Any]] = []
    for _ in range(120):
        await driver.round()
        scene.azure.advance(timedelta(seconds=30))
        rows = (await scene.version(driver)).get("status", {}).get("replication", {}).get("regions", [])
        seen += [each for each in rows if each["name"] == "eastus2" and each["state"] == "Failed"]
        if any(each.get("attempts", 0) >= 2 for each in seen):
            break
    assert any(each.get("attempts", 0) >= 2 for each in seen)
    assert any("nextAttemptAt" in each for each in seen)


async def test_edge_zones_have_their_own_rows_and_their_regions_need_not_be_targets(
    scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver)
    zones = [{"name": "microsoftlosangeles1", "region": "westus"}]
    regions = [{"name": "westeurope"}, {"name": "northeurope"}]
    scene.apply(scenes.version(targetRegions=regions, edgeZones=zones))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    rows = (await scene.version(driver))["status"]["replication"]
    assert [(each["name"], each["state"]) for each in rows["edgeZones"]] == [("microsoftlosangeles1", "Completed")]
    assert [each["name"] for each in rows["regions"]] == ["westeurope", "northeurope"]
    scene.azure.clear_journal()
    await driver.pass_time(timedelta(hours=2))
    assert scene.writes() == []


UEFI = {
    "signatureTemplateNames": ["MicrosoftUefiCertificateAuthorityTemplate"],
    "additionalSignatures": {"db": [{"type": "sha256", "value": ["LGLFiI4hmh0wVNJWdDWSgwqHE+X5u5vM2Q7ZpPPEHCA="]}]},
}


async def test_uefi_settings_are_sent_once_and_then_found_again(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.clear_journal()
    scene.apply(scenes.version(uefiSettings=UEFI))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    (put,) = scene.azure.journal("PUT .*/versions/")
    assert put.body["properties"]["securityProfile"]["uefiSettings"] == UEFI
    await driver.pass_time(timedelta(hours=2))
    assert len(scene.writes()) == 1


async def test_other_uefi_settings_than_those_of_an_adopted_version_are_refused(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(uefiSettings=UEFI, deletionPolicy="Retain"))
    await driver.settle()
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    await driver.settle()
    scene.azure.tamper(scenes.arm_id(), {"tags": {scenes.OWNER_TAG: None}})
    scene.apply(scenes.version(uefiSettings={"signatureTemplateNames": ["NoSignatureTemplate"]}))
    await driver.settle()
    stalled = condition(await scene.version(driver), "Stalled")
    assert stalled["reason"] == "ImmutableFieldDiffers"
    assert "uefiSettings.signatureTemplateNames" in stalled["message"]


async def test_uefi_settings_that_the_spec_of_an_adopted_version_does_not_name_are_sent_along(
    scene: Scene, driver: Driver
) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(uefiSettings=UEFI, deletionPolicy="Retain"))
    await driver.settle()
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    await driver.settle()
    scene.azure.tamper(scenes.arm_id(), {"tags": {scenes.OWNER_TAG: None}})
    scene.azure.clear_journal()
    scene.apply(scenes.version())
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    (put,) = scene.azure.journal("PUT .*/versions/")
    assert put.body["properties"]["securityProfile"]["uefiSettings"] == UEFI


async def test_tags_can_all_be_taken_away(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(tags={"team": "a"}))
    await driver.settle()
    scene.apply(scenes.gallery(tags={}))
    await driver.settle()
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
