"""Publishing and replicating: what is sent to Azure, how often, and what the status says."""

from __future__ import annotations

from datetime import timedelta

from dev.azure_simulator import AzureSimulator, FailOperation, FailRegion
from gallery_operator.api import names
from gallery_operator.engine.keys import Key
from gallery_operator.engine.workers import Outcome
from tests.integration import scenes
from tests.integration.driving import POLL, Driver, condition
from tests.integration.scenes import Scene


async def stored(driver: Driver) -> dict[str, object]:
    """Return the revision of every object on the API server."""
    await driver.refresh()
    return {kind: driver.services.store.versions(kind) for kind in names.PLURALS}


async def test_parents_and_children_applied_at_once_are_each_put_once(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    assert scene.writes() == [("PUT", "platform"), ("PUT", "ubuntu"), ("PUT", "1.0.0")]
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    assert await scene.ready(driver, "ImageDefinition", "ubuntu") == ("True", "Succeeded")
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")


async def test_a_child_without_parents_waits_and_says_for_whom(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition())
    await driver.round()
    definition = condition(await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu"), "Ready")
    assert (definition["status"], definition["reason"]) == ("False", "ParentNotReady")
    assert "Gallery 'platform' does not exist" in definition["message"]
    assert condition(await scene.version(driver), "Stalled") == {}
    assert scene.writes() == []


async def test_an_object_that_changes_while_its_waiting_is_reported_is_looked_at_again(
    scene: Scene, driver: Driver
) -> None:
    scene.apply(scenes.definition(managementPolicy="Observe"))  # no finalizer: its report is the first write
    await driver.refresh()
    scene.annotate("ImageDefinition", "ubuntu", "example.com/note", "changed meanwhile")
    key = Key("ImageDefinition", scene.namespace, "ubuntu")
    requeue = await driver.reconcilers[key.kind](key)
    assert (requeue.outcome, requeue.after) == (Outcome.SUCCESS, 1.0)
    await driver.round()
    assert await scene.ready(driver, "ImageDefinition", "ubuntu") == ("False", "ParentNotReady")


async def test_the_status_tells_each_region_as_azure_does(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    for _ in range(8):
        await driver.round()
        scene.azure.advance(timedelta(seconds=60))
        status = (await scene.version(driver)).get("status", {})
        if 0 < status.get("replication", {}).get("progress", 0) < 100:
            break
    await driver.round()
    status = (await scene.version(driver))["status"]
    azure = {
        each["region"].replace(" ", "").lower(): (each["state"], each["progress"])
        for each in scene.properties()["replicationStatus"]["summary"]
    }
    rows = {each["name"]: (each["state"], each["progress"]) for each in status["replication"]["regions"]}
    assert rows.keys() == azure.keys()
    assert [state for state, _ in rows.values()] == [azure[name][0] for name in rows]
    assert status["operation"]["type"] == "Create"
    assert condition(await scene.version(driver), "Ready")["reason"] == "Replicating"
    await driver.settle()
    status = (await scene.version(driver))["status"]
    assert (status["replication"]["summary"], status["replication"]["progress"]) == ("3/3", 100)
    assert status["latest"] is True
    assert "operation" not in status
    assert [(each["name"], each["replicas"]) for each in status["replication"]["regions"]] == [
        ("westeurope", 2),
        ("northeurope", 1),
        ("eastus2", 1),
    ]


async def test_an_idle_object_costs_no_write_on_either_side(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.clear_journal()
    before = await stored(driver)
    await driver.pass_time(timedelta(hours=3))
    assert await stored(driver) == before
    assert scene.writes() == []
    assert scene.azure.journal("GET .*/versions/1.0.0") == [], "an idle version is not read by itself"


async def test_a_restart_writes_nothing(scene: Scene, driver: Driver, simulator: AzureSimulator) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.clear_journal()
    before = await stored(driver)
    again = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    await again.settle()
    assert await stored(again) == before
    assert scene.writes() == []
    await again.close()


async def test_an_added_region_and_a_changed_replica_count_are_one_put_each(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.clear_journal()
    regions = [{"name": "northeurope"}, {"name": "eastus2"}, {"name": "westus3"}]
    scene.apply(scenes.version(targetRegions=[{"name": "West Europe", "replicas": 2}, *regions]))
    await driver.settle()
    assert scene.writes() == [("PUT", "1.0.0")]
    scene.apply(scenes.version(targetRegions=[{"name": "West Europe", "replicas": 3}, *regions]))
    await driver.settle()
    assert scene.writes() == [("PUT", "1.0.0")] * 2
    assert scene.regions() == {"West Europe": 3, "North Europe": 1, "East US 2": 1, "West US 3": 1}
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")


async def test_a_region_that_the_spec_drops_stays_until_removal_is_allowed(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    fewer = [{"name": "westeurope", "replicas": 2}, {"name": "northeurope"}]
    scene.apply(scenes.version(targetRegions=fewer))
    await driver.settle()
    stalled = condition(await scene.version(driver), "Stalled")
    assert stalled["reason"] == "RegionRemovalNotAllowed"
    assert "East US 2" in stalled["message"]
    assert "safety.allowRegionRemoval" in stalled["message"]
    assert len(scene.regions()) == 3
    scene.apply(scenes.version(targetRegions=fewer, safety={"allowRegionRemoval": True}))
    await driver.settle()
    assert list(scene.regions()) == ["West Europe", "North Europe"]
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")


async def test_what_someone_changed_in_azure_is_put_right_and_named(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(tags={"team": "a"}), scenes.definition(), scenes.gallery(description="ours"))
    await driver.settle()
    scene.azure.clear_journal()
    profile = scene.properties()["publishingProfile"]
    profile["targetRegions"][0]["regionalReplicaCount"] = 7
    tags = {**(scene.azure.resource(scenes.arm_id()) or {})["tags"], "team": "b", "theirs": "kept"}
    targets = {"targetRegions": profile["targetRegions"]}
    scene.azure.tamper(scenes.arm_id(), {"tags": tags, "properties": {"publishingProfile": targets}})
    scene.azure.tamper(str(scenes.GALLERY), {"properties": {"description": "theirs"}})
    await driver.pass_time(timedelta(hours=1))
    assert sorted(scene.writes()) == [("PUT", "1.0.0"), ("PUT", "platform")]
    found = scene.azure.resource(scenes.arm_id()) or {}
    assert (found["tags"]["team"], found["tags"]["theirs"]) == ("a", "kept")
    assert scene.regions()["West Europe"] == 2
    named = [each for each in scene.events() if each.startswith("Updating ImageVersion")]
    assert any("tags.team: b -> a" in each and "regionalReplicaCount: 7 -> 2" in each for each in named), named


async def test_a_failed_region_is_named_repaired_and_ready_comes(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.fault(FailRegion(region="eastus2", times=2, details="no capacity"))
    scene.apply(scenes.version())
    told = False
    for _ in range(200):
        await driver.round()
        rows = (await scene.version(driver)).get("status", {}).get("replication", {}).get("regions", [])
        failed = [each for each in rows if each["state"] == "Failed"]
        told = told or any(each["name"] == "eastus2" and "no capacity" in each["details"] for each in failed)
        scene.azure.advance(timedelta(seconds=30))
        if told and (await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0"))[0] == "True":
            break
    await driver.settle()
    assert told, "the status never named the region and what Azure said"
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert len(scene.regions()) == 3
    assert scene.properties()["safetyProfile"]["allowDeletionOfReplicatedLocations"] is False


async def test_an_operation_that_azure_fails_is_named_and_tried_again(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.clear_journal()
    scene.azure.fault(FailOperation(match="PUT .*versions", code="PirError", message="the copy broke off", times=1))
    scene.apply(scenes.version())
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.writes() == [("PUT", "1.0.0")] * 2
    told = [each for each in scene.events() if each.startswith("Updating ImageVersion")]
    assert any("retry" in each and "PirError: the copy broke off" in each for each in told), told


async def test_a_region_that_never_comes_up_ends_stalled_not_in_a_storm(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.clear_journal()
    scene.azure.fault(FailRegion(region="eastus2", times=None, details="no capacity"))
    scene.apply(scenes.version())
    await driver.settle(rounds=400)
    stalled = condition(await scene.version(driver), "Stalled")
    assert stalled["reason"] == "ReplicationFailed"
    assert "eastus2 (no capacity)" in stalled["message"]
    assert len(scene.writes()) <= 9, scene.writes()
    await driver.pass_time(timedelta(hours=6))
    assert len(scene.writes()) <= 9, "once given up, it stays so until someone acts"


async def test_a_source_that_comes_late_is_waited_for(scene: Scene, driver: Driver) -> None:
    late = scenes.SOURCE.replace("20261101", "20261231")
    scene.apply(scenes.definition(), scenes.gallery(), scenes.version(source={"managedImage": {"id": late}}))
    for _ in range(8):
        await driver.round()
        scene.azure.advance(timedelta(seconds=POLL / 3))
    ready = condition(await scene.version(driver), "Ready")
    assert ready["reason"] == "SourceNotFound"
    assert "20261231" in ready["message"]


async def test_a_wrong_value_that_only_azure_knows_stalls_with_its_words(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.definition(), scenes.gallery())
    scene.apply(scenes.version(targetRegions=[{"name": "westeurope"}, {"name": "atlantis"}]))
    await driver.settle()
    stalled = condition(await scene.version(driver), "Stalled")
    assert stalled["status"] == "True"
    assert "atlantis" in stalled["message"].lower()
    assert scene.azure.resource(scenes.arm_id()) is None
