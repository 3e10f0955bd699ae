"""Whose resource it is, what deletion leaves, and how a person holds or hurries the operator."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dev.azure_simulator import AzureSimulator, FailRegion, Refuse
from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import JSON, Driver, condition
from tests.integration.scenes import Scene


def existing(scene: Scene, tags: dict[str, str] | None = None) -> None:
    """Create gallery, definition and version in Azure, as someone else did before."""
    properties = scenes.definition()["spec"]
    body: JSON = {
        "location": "westeurope",
        "properties": {
            "osType": "Linux",
            "osState": "Generalized",
            "hyperVGeneration": "V2",
            "architecture": "x64",
            "identifier": properties["identifier"],
        },
    }
    version = {
        "location": "westeurope",
        "tags": tags or {},
        "properties": {
            "publishingProfile": {
                "targetRegions": [
                    {"name": "westeurope", "regionalReplicaCount": 2},
                    {"name": "northeurope"},
                    {"name": "eastus2"},
                ]
            },
            "storageProfile": {"source": {"id": scenes.SOURCE}},
        },
    }
    scene.azure.create(
        [
            (str(scenes.GALLERY), {"location": "westeurope", "tags": tags or {}, "properties": {"description": "old"}}),
            (str(scenes.DEFINITION), {**body, "tags": tags or {}}),
            (scenes.arm_id(), version),
        ]
    )


async def end(scene: Scene, driver: Driver) -> None:
    scene.delete("Gallery", "platform")
    scene.delete("ImageDefinition", "ubuntu")
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    await driver.settle()


async def test_deleting_all_at_once_leaves_azure_in_order_and_nothing_behind(scene: Scene, driver: Driver) -> None:
    scene.azure.configure(child_delete_lag=15)
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.clear_journal()
    await end(scene, driver)
    assert scene.writes() == [("DELETE", "1.0.0"), ("DELETE", "ubuntu"), ("DELETE", "platform")]
    assert scene.azure.resources() == []
    assert [await scene.get(driver, *each) for each in (("Gallery", "platform"), ("ImageDefinition", "ubuntu"))] == [
        None
    ] * 2


async def test_a_parent_names_the_children_it_waits_for(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.delete("ImageDefinition", "ubuntu")
    await driver.round()
    ready = condition(await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu"), "Ready")
    assert (ready["reason"], ready["message"]) == ("ChildrenExist", "waiting for ImageVersion ubuntu-1.0.0")


async def test_children_that_only_azure_knows_are_named_too(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.create([(str(scenes.DEFINITION.version("9.9.9")), (scene.azure.resource(scenes.arm_id()) or {}))])
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    await driver.settle()
    scene.delete("ImageDefinition", "ubuntu")
    for _ in range(4):
        await driver.round()
        scene.azure.advance(timedelta(seconds=20))
    ready = condition(await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu"), "Ready")
    assert ready["reason"] == "ChildrenExist"
    assert "9.9.9" in ready["message"]


async def test_what_existed_before_is_adopted_as_it_is_and_stays_when_its_object_goes(
    scene: Scene, driver: Driver
) -> None:
    existing(scene, tags={"by": "packer"})
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    found = scene.azure.resource(str(scenes.GALLERY)) or {}
    assert found["properties"]["description"] == "old", "an unset field stays as Azure has it"
    assert found["tags"] == {
        "by": "packer",
        names.OWNER_TAG: f"test-cluster/{scene.namespace}/platform",
        names.ADOPTED_TAG: "true",
    }
    scene.azure.clear_journal()
    await end(scene, driver)
    assert scene.writes() == []
    assert len(scene.azure.resources()) == 3
    assert await scene.get(driver, "Gallery", "platform") is None


@pytest.mark.parametrize(("policy", "left"), [("Retain", 3), ("Delete", 0)])
async def test_a_deletion_policy_overrules_the_origin(scene: Scene, driver: Driver, policy: str, left: int) -> None:
    if policy == "Delete":
        existing(scene)
    options: JSON = {"deletionPolicy": policy}
    scene.apply(scenes.version(**options), scenes.definition(**options), scenes.gallery(**options))
    await driver.settle()
    await end(scene, driver)
    assert len(scene.azure.resources()) == left
    assert await scene.get(driver, "ImageVersion", "ubuntu-1.0.0") is None


async def test_a_foreign_owner_stops_the_reconcile(scene: Scene, driver: Driver, simulator: AzureSimulator) -> None:
    existing(scene, tags={names.OWNER_TAG: "other-cluster/team/platform"})
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    for kind, name in (("Gallery", "platform"), ("ImageDefinition", "ubuntu"), ("ImageVersion", "ubuntu-1.0.0")):
        stalled = condition(await driver.services.kube.get(kind, scene.namespace, name), "Stalled")
        assert stalled["reason"] == "OwnershipConflict", kind
        assert "other-cluster/team/platform" in stalled["message"]
    await end(scene, driver)
    assert scene.writes() == []
    assert len(scene.azure.resources()) == 3


async def test_observing_reports_and_writes_nothing(scene: Scene, driver: Driver) -> None:
    existing(scene)
    observe: JSON = {"managementPolicy": "Observe"}
    scene.apply(
        scenes.version(**observe, replicas=9), scenes.definition(**observe), scenes.gallery(**observe, description="x")
    )
    await driver.settle()
    version = await scene.version(driver)
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Observed")
    assert version["status"]["replication"]["summary"] == "3/3"
    assert "finalizers" not in version["metadata"]
    await end(scene, driver)
    assert scene.writes() == []
    assert await scene.get(driver, "ImageVersion", "ubuntu-1.0.0") is None


async def test_a_paused_object_rests_until_it_is_not(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.PAUSED, "true")
    scene.azure.clear_journal()
    scene.apply(scenes.version(excludeFromLatest=True, annotations={names.PAUSED: "true"}))
    await driver.pass_time(timedelta(hours=2))
    assert scene.writes() == []
    assert condition(await scene.version(driver), "Paused")["status"] == "True"
    assert condition(await scene.version(driver), "Ready")["status"] == "True"
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.PAUSED, None)
    await driver.settle()
    assert scene.writes() == [("PUT", "1.0.0")]
    assert condition(await scene.version(driver), "Paused") == {}


async def test_an_edit_of_a_paused_object_is_not_said_to_be_seen(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery())
    await driver.settle()
    scene.annotate("Gallery", "platform", names.PAUSED, "true")
    scene.apply(scenes.gallery(description="new"))
    scene.annotate("Gallery", "platform", names.PAUSED, "true")
    await driver.settle()
    held = await driver.services.kube.get("Gallery", scene.namespace, "platform")
    spoken_of = [held["status"]["observedGeneration"], condition(held, "Ready")["observedGeneration"]]
    assert (spoken_of, held["metadata"]["generation"]) == ([1, 1], 2)
    scene.annotate("Gallery", "platform", names.PAUSED, None)
    await driver.settle()
    gone_on = await driver.services.kube.get("Gallery", scene.namespace, "platform")
    assert gone_on["status"]["observedGeneration"] == 2
    assert (scene.azure.resource(str(scenes.GALLERY)) or {})["properties"]["description"] == "new"


async def test_what_is_paused_from_the_beginning_was_not_seen_and_says_so(scene: Scene, driver: Driver) -> None:
    scene.apply({**scenes.gallery(), "metadata": {"name": "platform", "annotations": {names.PAUSED: "true"}}})
    await driver.settle()
    held = await driver.services.kube.get("Gallery", scene.namespace, "platform")
    assert held["status"]["observedGeneration"] == -1
    said = {each["type"]: (each["status"], each["reason"]) for each in held["status"]["conditions"]}
    assert said == {"Ready": ("Unknown", "Paused"), "Paused": ("True", "Paused")}


async def test_a_requested_reconcile_looks_at_once_and_is_echoed(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    tags = (scene.azure.resource(scenes.arm_id()) or {})["tags"]
    scene.azure.tamper(
        scenes.arm_id(), {"properties": {"publishingProfile": {"excludeFromLatest": True}}, "tags": tags}
    )
    scene.azure.clear_journal()
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.RECONCILE_REQUESTED_AT, "now")
    await driver.settle()
    assert scene.writes() == [("PUT", "1.0.0")]
    assert (await scene.version(driver))["status"]["lastHandledReconcileRequest"] == "now"


async def test_an_empty_request_asks_for_nothing(scene: Scene, driver: Driver) -> None:
    """It could not be echoed: each look would be the first one of a new round of attempts, for ever."""
    scene.azure.fault(FailRegion(match=".*", region="eastus2", times=None))
    empty = {names.RECONCILE_REQUESTED_AT: ""}
    scene.apply(scenes.gallery(), scenes.definition(), scenes.version(annotations=empty))
    await driver.settle(rounds=200)
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("False", "ReplicationFailed")


async def test_a_definition_that_is_not_managed_here_is_named_by_its_id(scene: Scene, driver: Driver) -> None:
    existing(scene)
    scene.apply(scenes.version("2.0.0", imageDefinitionRef={"id": str(scenes.DEFINITION)}))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-2.0.0") == ("True", "Replicated")
    scene.delete("ImageVersion", "ubuntu-2.0.0")
    await driver.settle()
    assert scene.azure.resource(scenes.arm_id("2.0.0")) is None
    assert scene.azure.resource(scenes.arm_id("1.0.0")) is not None


async def test_a_hiccup_of_azure_is_no_news_and_an_outage_is(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.azure.fault(Refuse(match="GET .*platform$", status=500, code="InternalServerError", message="oh", times=1))
    await driver.pass_time(timedelta(hours=1))
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    scene.azure.fault(Refuse(match="GET .*platform$", status=500, code="InternalServerError", message="oh", times=4))
    scene.azure.advance(timedelta(hours=1))
    told = []
    for _ in range(12):
        await driver.round()
        scene.azure.advance(timedelta(minutes=2))
        told.append(await scene.ready(driver, "Gallery", "platform"))
    assert ("False", "InternalServerError") in told
    await driver.settle()
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


async def test_a_parent_removed_by_force_does_not_strand_its_children(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())
    await driver.settle()
    scene.delete("ImageDefinition", "ubuntu")
    scene.strip_finalizers("ImageDefinition", "ubuntu")
    await driver.round()
    assert (await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0"))[1] == "ParentNotReady"
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    await driver.settle()
    assert await scene.get(driver, "ImageVersion", "ubuntu-1.0.0") is None
    assert scene.azure.resource(scenes.arm_id()) is None
