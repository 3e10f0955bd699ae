"""Galleries with soft delete: what is deleted can be brought back, and is seen until it is gone for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dev.azure_simulator import AzureSimulator
from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import Driver, condition
from tests.integration.scenes import Scene

POLICY = {"enabled": True, "retentionDays": 7, "graceDays": 2}


async def publish(scene: Scene, driver: Driver, *versions: dict[str, Any]) -> None:
    scene.apply(scenes.gallery(softDelete=POLICY), scenes.definition(), *(versions or (scenes.version(),)))
    await driver.settle()


async def delete(scene: Scene, driver: Driver) -> None:
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    await driver.settle()
    assert await scene.get(driver, "ImageVersion", "ubuntu-1.0.0") is None
    assert scene.azure.resource(scenes.arm_id()) is None


def _seconds(dates: dict[str, str]) -> dict[str, str]:
    """Return dates as messages spell them."""
    return {name: f"{date[:19]}Z" for name, date in dates.items()}


def in_bin(scene: Scene) -> list[str]:
    return [each["name"] for each in scene.azure.soft_deleted(str(scenes.DEFINITION))]


async def test_a_version_that_is_applied_again_is_brought_back_as_it_was(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver)
    date = scene.properties()["publishingProfile"]["publishedDate"]
    await delete(scene, driver)
    assert in_bin(scene) == ["1.0.0"]
    scene.azure.clear_journal()
    scene.apply(scenes.version())
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.properties()["publishingProfile"]["publishedDate"] == date
    assert scene.writes()[0] == ("PATCH", "1.0.0")
    assert ("DELETE", "1.0.0") not in scene.writes()
    definition = await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
    assert "softDeletedVersions" not in definition["status"]
    assert in_bin(scene) == []


async def test_what_the_spec_says_by_now_is_applied_to_a_version_that_came_back(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver)
    await delete(scene, driver)
    scene.apply(
        scenes.version(targetRegions=[{"name": "westeurope", "replicas": 5}], safety={"allowRegionRemoval": True})
    )
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.regions() == {"West Europe": 5}


async def test_a_deleted_version_is_shown_with_its_two_dates(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver)
    await delete(scene, driver)
    definition = await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
    (row,) = definition["status"]["softDeletedVersions"]
    assert row["version"] == "1.0.0"
    assert row["deletedAt"] < row["consumptionEndTime"] < row["hardDeletionTargetTime"]


async def test_a_retired_version_shows_until_when_it_can_be_brought_back(scene: Scene, driver: Driver) -> None:
    end = scenes.text(driver.services.clock.now() + timedelta(hours=3))
    scene.apply(scenes.gallery(softDelete=POLICY), scenes.definition(lifecycle={"stages": {"delete": "0d"}}))
    scene.apply(scenes.version(endOfLifeDate=end), scenes.version("1.0.1"))
    await driver.settle()
    await driver.pass_time(timedelta(hours=4))
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Retired")
    status = (await scene.version(driver))["status"]
    assert status["softDeleted"]["consumptionEndTime"] < status["softDeleted"]["hardDeletionTargetTime"]
    kept = condition(await scene.version(driver), "SoftDeleted")["message"]
    assert "until about {hardDeletionTargetTime}".format(**_seconds(status["softDeleted"])) in kept
    assert "created from it until {consumptionEndTime}".format(**_seconds(status["softDeleted"])) in kept
    await driver.pass_time(timedelta(days=11), step=timedelta(days=1))
    assert "softDeleted" not in (await scene.version(driver))["status"], "by then it is gone for good"
    assert condition(await scene.version(driver), "SoftDeleted") == {}
    assert in_bin(scene) == []


async def test_what_is_kept_is_shown_until_it_is_gone_although_soft_delete_was_switched_off(
    scene: Scene, driver: Driver, simulator: AzureSimulator
) -> None:
    await publish(scene, driver, scenes.version(), scenes.version("1.0.1"))
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.RETIRED, "2026-11-23T10:00:00Z found broken")
    await driver.settle()
    scene.apply(scenes.gallery(softDelete={**POLICY, "enabled": False}))
    await driver.settle()
    heir = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    for days, kept in ((3, True), (8, False)):
        await heir.pass_time(timedelta(days=days), step=timedelta(days=1))
        definition = await heir.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
        assert ("softDeletedVersions" in definition["status"], bool(in_bin(scene))) == (kept, kept)
        assert ("softDeleted" in (await scene.version(heir))["status"]) == kept
    await heir.close()


async def test_a_retired_version_comes_back_from_the_bin_when_the_decision_is_withdrawn(
    scene: Scene, driver: Driver
) -> None:
    end = scenes.text(driver.services.clock.now() + timedelta(hours=3))
    scene.apply(scenes.gallery(softDelete=POLICY), scenes.definition(lifecycle={"stages": {"delete": "0d"}}))
    scene.apply(scenes.version(endOfLifeDate=end), scenes.version("1.0.1"))
    await driver.settle()
    await driver.pass_time(timedelta(hours=4))
    scene.azure.clear_journal()
    later = scenes.text(driver.services.clock.now() + timedelta(days=30))
    scene.apply(scenes.version(endOfLifeDate=later))
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.RETIRED, None)
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.writes()[0] == ("PATCH", "1.0.0")


async def test_a_retired_version_is_not_brought_back_by_another_object_for_it(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver, scenes.version(), scenes.version("1.0.1"))
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.RETIRED, "2026-11-23T10:00:00Z found broken")
    await driver.settle()
    assert in_bin(scene) == ["1.0.0"]
    scene.azure.clear_journal()
    again = scenes.version()
    again["metadata"]["name"] = "again"
    scene.apply(again)
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "again") == ("False", "OwnershipConflict")
    ready = condition(await driver.services.kube.get("ImageVersion", scene.namespace, "again"), "Ready")
    assert "'ubuntu-1.0.0'" in ready["message"]
    assert scene.writes() == []
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    await driver.settle()
    assert in_bin(scene) == ["1.0.0"]


async def test_an_annotation_deletes_for_good(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver, scenes.version(annotations={names.BYPASS_SOFT_DELETE: "true"}))
    await delete(scene, driver)
    assert in_bin(scene) == []


async def test_a_parent_says_which_soft_deleted_versions_it_waits_for(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver)
    await delete(scene, driver)
    scene.azure.clear_journal()
    for kind, name in (("ImageDefinition", "ubuntu"), ("Gallery", "platform")):
        scene.delete(kind, name)
    for _ in range(5):
        await driver.round()
        scene.azure.advance(timedelta(minutes=5))
    ready = condition(await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu"), "Ready")
    assert ready["reason"] == "SoftDeletedChildren"
    assert "1.0.0 (until " in ready["message"]
    assert scene.writes() == [], "Azure is not asked for what it cannot do"
    gallery = condition(await driver.services.kube.get("Gallery", scene.namespace, "platform"), "Ready")
    assert gallery["reason"] == "ChildrenExist"
    scene.azure.advance(timedelta(days=10))
    await driver.settle()
    assert scene.azure.resources() == []


async def test_without_soft_delete_nobody_asks_for_deleted_versions_but_before_a_creation(
    scene: Scene, driver: Driver
) -> None:
    scene.apply(scenes.gallery(), scenes.definition(), scenes.version())
    await driver.settle()
    assert len(scene.azure.journal("GET .*softDeletedArtifactTypes")) == 1
    scene.azure.clear_journal()
    await driver.pass_time(timedelta(hours=3))
    assert scene.azure.journal("GET .*softDeletedArtifactTypes") == []
