"""driftPolicy: what others change in Azure is put right, or shown and left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from dev.azure_simulator import AzureSimulator, FailRegion
from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import JSON, RESYNC, Counter, Driver, Killed, condition
from tests.integration.scenes import Scene

RESYNCED = timedelta(seconds=RESYNC * 1.3)
REPORT: JSON = {"driftPolicy": "Report"}
MANIFESTS: dict[str, Callable[..., JSON]] = {
    "Gallery": scenes.gallery,
    "ImageDefinition": scenes.definition,
    "ImageVersion": scenes.version,
}
NAMES = {"Gallery": "platform", "ImageDefinition": "ubuntu", "ImageVersion": "ubuntu-1.0.0"}
IDS = {"Gallery": str(scenes.GALLERY), "ImageDefinition": str(scenes.DEFINITION), "ImageVersion": scenes.arm_id()}

each_kind = pytest.mark.parametrize("kind", MANIFESTS)


async def object_of(scene: Scene, driver: Driver, kind: str) -> JSON:
    return await driver.services.kube.get(kind, scene.namespace, NAMES[kind])


def note(obj: JSON) -> str | None:
    found: str | None = obj["metadata"].get("annotations", {}).get(names.APPLIED)
    return found


def team(scene: Scene, kind: str) -> str | None:
    tags: dict[str, str] = (scene.azure.resource(IDS[kind]) or {}).get("tags", {})
    return tags.get("team")


def change_team(scene: Scene, kind: str, value: str) -> None:
    """Change a tag that the spec names, as someone else would in Azure."""
    tags = (scene.azure.resource(IDS[kind]) or {})["tags"]
    scene.azure.tamper(IDS[kind], {"tags": {**tags, "team": value}})


async def published(scene: Scene, driver: Driver, **spec: object) -> None:
    """Apply all three kinds under Report and wait until Azure has met what they say."""
    options = {**REPORT, "tags": {"team": "ours"}, **spec}
    scene.apply(*(manifest(**options) for manifest in MANIFESTS.values()))
    await driver.settle()
    for kind in MANIFESTS:
        assert (await scene.ready(driver, kind, NAMES[kind]))[0] == "True", kind
        assert note(await object_of(scene, driver, kind)), kind
    scene.azure.clear_journal()


@each_kind
async def test_drift_is_shown_told_once_and_left(scene: Scene, driver: Driver, kind: str) -> None:
    await published(scene, driver)
    change_team(scene, kind, "theirs")
    await driver.pass_time(RESYNCED)
    found = await object_of(scene, driver, kind)
    assert await scene.ready(driver, kind, NAMES[kind]) == ("True", "Drifted")
    assert "tags.team is theirs, not ours" in condition(found, "Drifted")["message"]
    assert condition(found, "Stalled") == condition(found, "Reconciling") == {}
    await driver.pass_time(3 * RESYNCED)
    assert (await object_of(scene, driver, kind))["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
    assert scene.writes() == []
    told = [each for each in scene.events() if each.startswith(f"Drifted {kind}")]
    assert len(told) == 1


@each_kind
async def test_drift_that_is_over_is_shown_no_longer(scene: Scene, driver: Driver, kind: str) -> None:
    await published(scene, driver)
    change_team(scene, kind, "theirs")
    await driver.pass_time(RESYNCED)
    change_team(scene, kind, "ours")
    await driver.pass_time(RESYNCED)
    found = await object_of(scene, driver, kind)
    assert condition(found, "Drifted") == {}
    assert condition(found, "Ready")["reason"] in {"Succeeded", "Replicated"}
    assert scene.writes() == []


@each_kind
async def test_an_edit_applies_everything_and_puts_drift_right(scene: Scene, driver: Driver, kind: str) -> None:
    await published(scene, driver)
    before = note(await object_of(scene, driver, kind))
    change_team(scene, kind, "theirs")
    await driver.pass_time(RESYNCED)
    scene.apply(MANIFESTS[kind](**REPORT, tags={"team": "ours", "stage": "test"}))
    await driver.settle()
    found = await object_of(scene, driver, kind)
    assert scene.writes() == [("PUT", IDS[kind].rsplit("/", 1)[1])]
    assert team(scene, kind) == "ours"
    assert condition(found, "Drifted") == {}
    assert note(found) not in (None, before)


@each_kind
async def test_an_edit_that_changes_nothing_in_azure_leaves_drift_as_it_is(
    scene: Scene, driver: Driver, kind: str
) -> None:
    await published(scene, driver)
    change_team(scene, kind, "theirs")
    scene.apply(MANIFESTS[kind](**REPORT, tags={"team": "ours"}, deletionPolicy="Retain"))
    await driver.pass_time(RESYNCED)
    assert await scene.ready(driver, kind, NAMES[kind]) == ("True", "Drifted")
    assert scene.writes() == []


@each_kind
async def test_switching_to_correct_puts_drift_right_and_takes_the_note_away(
    scene: Scene, driver: Driver, kind: str
) -> None:
    await published(scene, driver)
    change_team(scene, kind, "theirs")
    await driver.pass_time(RESYNCED)
    scene.apply(MANIFESTS[kind](driftPolicy="Correct", tags={"team": "ours"}))
    await driver.settle()
    found = await object_of(scene, driver, kind)
    assert team(scene, kind) == "ours"
    assert (note(found), condition(found, "Drifted")) == (None, {})


@each_kind
async def test_taking_the_note_away_applies_everything_once(scene: Scene, driver: Driver, kind: str) -> None:
    await published(scene, driver)
    change_team(scene, kind, "theirs")
    await driver.pass_time(RESYNCED)
    scene.annotate(kind, NAMES[kind], names.APPLIED, None)
    await driver.settle()
    assert team(scene, kind) == "ours"
    assert note(await object_of(scene, driver, kind))


async def test_a_version_that_someone_deleted_stays_deleted(scene: Scene, driver: Driver) -> None:
    await published(scene, driver)
    scene.azure.remove(scenes.arm_id())
    await driver.pass_time(RESYNCED)
    found = await scene.version(driver)
    assert (condition(found, "Ready")["reason"], found["status"].get("provisioningState")) == ("Drifted", None)
    assert "the resource is deleted" in condition(found, "Drifted")["message"]
    scene.apply(scenes.version(**REPORT, tags={"team": "new"}))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")


async def test_a_gallery_that_someone_deleted_stays_deleted_with_all_that_was_in_it(
    scene: Scene, driver: Driver
) -> None:
    await published(scene, driver)
    scene.azure.remove(IDS["Gallery"])
    await driver.pass_time(2 * RESYNCED)
    for kind, name in NAMES.items():
        assert await scene.ready(driver, kind, name) == ("True", "Drifted"), kind
        assert "the resource is deleted" in condition(await object_of(scene, driver, kind), "Drifted")["message"]
    scene.azure.clear_journal()
    await driver.pass_time(4 * RESYNCED)
    assert len(scene.azure.journal("GET .*/galleries/platform")) <= 4 * 3 * 2, "one look at each, per resync"
    assert scene.writes() == []


async def test_regions_that_others_add_or_remove_are_shown_and_left(scene: Scene, driver: Driver) -> None:
    await published(scene, driver)
    others = [{"name": "westeurope", "regionalReplicaCount": 5}, {"name": "westus2", "regionalReplicaCount": 1}]
    allowed = {"allowDeletionOfReplicatedLocations": True}
    scene.azure.tamper(
        scenes.arm_id(), {"properties": {"publishingProfile": {"targetRegions": others}, "safetyProfile": allowed}}
    )
    await driver.pass_time(RESYNCED)
    found = await scene.version(driver)
    message = condition(found, "Drifted")["message"]
    assert all(name in message for name in ("[westeurope].regionalReplicaCount is 5", "[eastus2]", "[West US 2]"))
    assert {row["name"] for row in found["status"]["replication"]["regions"]} == {"westeurope", "westus2"}
    assert scene.writes() == []
    scene.azure.clear_journal()
    await driver.pass_time(2 * RESYNCED)
    assert len(scene.azure.journal("GET .*/versions/1.0.0")) <= 2, "drift that goes on is no reason to keep looking"


async def test_an_edit_that_is_undone_while_it_is_carried_out_is_no_drift(scene: Scene, driver: Driver) -> None:
    await published(scene, driver)
    scene.apply(scenes.version(**REPORT, tags={"team": "other"}))
    while not scene.writes():
        await driver.round()
    scene.apply(scenes.version(**REPORT, tags={"team": "ours"}))
    await driver.settle()
    assert team(scene, "ImageVersion") == "ours"
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")


async def test_a_region_that_fails_is_repaired_under_report(scene: Scene, driver: Driver) -> None:
    scene.azure.fault(FailRegion(match=".*", region="eastus2", times=2))
    await published(scene, driver)
    assert set(scene.regions()) == {"West Europe", "North Europe", "East US 2"}


async def test_a_version_is_retired_under_report_and_comes_back_without_its_annotation(
    scene: Scene, driver: Driver
) -> None:
    await published(scene, driver)
    scene.apply(scenes.version("1.0.1"), scenes.definition(lifecycle={"stages": {"delete": "0d"}}))
    soon = scenes.text(driver.services.clock.now() + timedelta(hours=2))
    scene.apply(scenes.version(**REPORT, endOfLifeDate=soon))
    await driver.settle()
    await driver.pass_time(timedelta(hours=3))
    assert scene.azure.resource(scenes.arm_id()) is None
    assert (await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0"))[1] == "Retired"
    scene.apply(scenes.definition())
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.RETIRED, None)
    await driver.settle()
    assert scene.azure.resource(scenes.arm_id()) is not None


async def test_killed_at_any_write_an_edit_under_report_is_applied_and_noted(
    scene: Scene, simulator: AzureSimulator
) -> None:
    """The edit meets drift, so that the note must go before anything is sent."""
    kill_at = 0
    killed = True
    while killed:
        kill_at += 1
        killed = await _edited_and_killed(scene.in_a_new_namespace(), simulator, kill_at)
    assert kill_at > 4, "the note goes, Azure is asked, the status and the note are written"


async def _edited_and_killed(scene: Scene, simulator: AzureSimulator, kill_at: int) -> bool:
    """Run the story with a process that dies before that write, and another after it. Returns whether it died."""
    scene.azure.reset()
    first = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    scene.apply(scenes.gallery(**REPORT, description="ours", tags={"team": "ours"}))
    await first.settle()
    await first.close()
    scene.azure.tamper(str(scenes.GALLERY), {"properties": {"description": "theirs"}})
    scene.apply(scenes.gallery(**REPORT, description="ours", tags={"team": "new"}))
    scene.azure.clear_journal()
    counter, died = Counter(), False
    doomed = await Driver.start(
        scene.cluster, simulator, scene.azure, scene.namespace, counter=counter, kill_at=kill_at
    )
    try:
        await doomed.settle()
    except Killed:
        died = True
    finally:
        await doomed.close()
    heir = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    await heir.settle()
    found = scene.azure.resource(str(scenes.GALLERY)) or {}
    obj = await heir.services.kube.get("Gallery", scene.namespace, "platform")
    await heir.close()
    assert (found["properties"]["description"], found["tags"]["team"]) == ("ours", "new"), kill_at
    assert scene.writes() == [("PUT", "platform")], kill_at
    assert note(obj), kill_at
    return died
