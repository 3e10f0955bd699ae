"""Whose resource it is: adoption without a surprise, two operators at one gallery, looking without touching."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from dev.azure_simulator import AzureSimulator, Source, source_id
from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import JSON, Driver, condition
from tests.integration.scenes import Scene

NAMES = {"Gallery": "platform", "ImageDefinition": "ubuntu", "ImageVersion": "ubuntu-1.0.0"}
IDS = {"Gallery": str(scenes.GALLERY), "ImageDefinition": str(scenes.DEFINITION), "ImageVersion": scenes.arm_id()}
#: An image in the region of the definition, which is not that of its gallery.
NORTHERN = source_id("Microsoft.Compute/images", "ubuntu-ne")
LOOKING: JSON = {"managementPolicy": "Observe"}


def everything(scene: Scene, now: datetime, *, encrypted: bool = False) -> None:
    """Let someone else set all that can be set of a gallery, a definition and a version.

    A version is either encrypted or in a gallery that is shared.
    """
    later, later_still = (scenes.text(now + timedelta(days=days)) for days in (300, 400))
    gallery: JSON = {
        "location": "westeurope",
        "tags": {"by": "someone"},
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "description": "theirs",
            "softDeletePolicy": {"isSoftDeleteEnabled": True, "retentionPeriodInDays": 9, "gracePeriodInDays": 3},
            "sharingProfile": {"permissions": "Private" if encrypted else "Groups"},
        },
    }
    definition: JSON = {
        "location": "northeurope",
        "tags": {"by": "someone"},
        "properties": {
            "osType": "Linux",
            "osState": "Generalized",
            "hyperVGeneration": "V2",
            "architecture": "x64",
            "identifier": scenes.definition()["spec"]["identifier"],
            "description": "theirs",
            "eula": "https://example.com/eula",
            "privacyStatementUri": "https://example.com/privacy",
            "releaseNoteUri": "https://example.com/notes",
            "endOfLifeDate": later_still,
            "recommended": {"vCPUs": {"min": 2, "max": 8}, "memory": {"min": 4}},
            "disallowed": {"diskTypes": ["Standard_LRS"]},
            "features": [{"name": "SecurityType", "value": "TrustedLaunchSupported"}],
        },
    }
    scene.azure.add_source(Source(id=NORTHERN, location="northeurope"))
    scene.azure.create([(IDS["Gallery"], gallery), (IDS["ImageDefinition"], definition)])
    scene.azure.create([(IDS["ImageVersion"], _version(later, encrypted=encrypted))])


def _version(end_of_life: str, *, encrypted: bool) -> JSON:
    targets: list[JSON] = [
        {"name": "northeurope", "regionalReplicaCount": 3, "storageAccountType": "Standard_ZRS"},
        {"name": "westeurope", "regionalReplicaCount": 2, "excludeFromLatest": True},
        {
            "name": "eastus2",
            "storageAccountType": "Premium_LRS",
            "additionalReplicaSets": [{"storageAccountType": "Standard_LRS", "regionalReplicaCount": 1}],
        },
    ]
    for each in targets if encrypted else ():
        each["encryption"] = _encryption(each["name"])
    zone = {"name": "westeurope", "extendedLocation": {"name": "microsoftamsterdam1", "type": "EdgeZone"}}
    return {
        "location": "northeurope",
        "tags": {"by": "someone"},
        "properties": {
            "publishingProfile": {
                "targetRegions": targets,
                "targetExtendedLocations": [zone | ({"encryption": _encryption("westeurope")} if encrypted else {})],
                "replicaCount": 4,
                "excludeFromLatest": True,
                "endOfLifeDate": end_of_life,
            },
            "storageProfile": {"source": {"id": NORTHERN}},
            "safetyProfile": {"allowDeletionOfReplicatedLocations": True, "blockDeletionBeforeEndOfLife": True},
        },
    }


def _encryption(region: str) -> JSON:
    return {"osDiskImage": {"diskEncryptionSetId": source_id("Microsoft.Compute/diskEncryptionSets", f"des-{region}")}}


def small_manifests(**spec: Any) -> list[JSON]:
    """Return manifests with no more than they need."""
    version = scenes.version(source={"managedImage": {"id": NORTHERN}}, **spec)
    del version["spec"]["targetRegions"]
    return [scenes.gallery(**spec), scenes.definition(**spec), version]


def found(scene: Scene) -> dict[str, JSON]:
    """Return what Azure has of each kind, but for the tags."""
    bodies = {kind: dict(scene.azure.resource(id_) or {}) for kind, id_ in IDS.items()}
    return {kind: {key: each for key, each in body.items() if key != "tags"} for kind, body in bodies.items()}


async def obj(scene: Scene, driver: Driver, kind: str) -> JSON:
    return await driver.services.kube.get(kind, scene.namespace, NAMES[kind])


@pytest.mark.parametrize("encrypted", [False, True], ids=["shared", "encrypted"])
async def test_nothing_but_the_tags_changes_of_what_is_adopted_with_small_manifests(
    encrypted: bool, scene: Scene, driver: Driver
) -> None:
    everything(scene, driver.services.clock.now(), encrypted=encrypted)
    before = found(scene)
    scene.azure.clear_journal()
    scene.apply(*small_manifests())
    await driver.settle()
    for kind in IDS:
        assert (await scene.ready(driver, kind, NAMES[kind]))[0] == "True", kind
        assert (scene.azure.resource(IDS[kind]) or {})["tags"] == {
            "by": "someone",
            names.OWNER_TAG: f"test-cluster/{scene.namespace}/{NAMES[kind]}",
            names.ADOPTED_TAG: "true",
        }
    assert found(scene) == before
    assert sorted(scene.writes()) == [("PUT", "1.0.0"), ("PUT", "platform"), ("PUT", "ubuntu")]


async def test_what_is_adopted_changes_only_where_the_spec_says_something(scene: Scene, driver: Driver) -> None:
    everything(scene, driver.services.clock.now())
    before = found(scene)
    scene.apply(*small_manifests())
    await driver.settle()
    scene.apply(small_manifests(replicas=5, excludeFromLatest=False)[2])
    await driver.settle()
    profile, was = (each["ImageVersion"]["properties"]["publishingProfile"] for each in (found(scene), before))
    assert "excludeFromLatest" not in profile or profile["excludeFromLatest"] is False
    assert {each["regionalReplicaCount"] for each in profile["targetRegions"]} == {5}
    types = [[(each["name"], each["storageAccountType"]) for each in one["targetRegions"]] for one in (profile, was)]
    assert types[0] == types[1]
    assert profile["endOfLifeDate"] == was["endOfLifeDate"]


async def test_an_object_that_was_refused_deletes_nothing_even_if_its_policy_says_delete(
    scene: Scene, driver: Driver
) -> None:
    everything(scene, driver.services.clock.now())
    scene.apply(*small_manifests(deletionPolicy="Delete")[:1])
    scene.apply(scenes.definition(deletionPolicy="Delete", osType="Windows"))
    await driver.settle()
    stalled = condition(await obj(scene, driver, "ImageDefinition"), "Stalled")
    assert (stalled["reason"], "osType" in stalled["message"]) == ("ImmutableFieldDiffers", True)
    scene.delete("ImageDefinition", "ubuntu")
    await driver.settle()
    assert await scene.get(driver, "ImageDefinition", "ubuntu") is None
    assert scene.azure.resource(IDS["ImageDefinition"]) is not None
    assert [each for each in scene.events() if each.startswith("Retained ImageDefinition")]


@pytest.mark.parametrize("exists", [False, True], ids=["new", "existing"])
async def test_of_two_operators_at_one_gallery_the_first_has_it_and_both_say_so(
    exists: bool, scene: Scene, driver: Driver, simulator: AzureSimulator
) -> None:
    if exists:
        scene.azure.create([(IDS["Gallery"], {"location": "westeurope", "properties": {}})])
    elsewhere = scene.in_a_new_namespace()
    other = await Driver.start(scene.cluster, simulator, scene.azure, elsewhere.namespace, cluster_id="another-cluster")
    try:
        scene.azure.clear_journal()
        for place, text in ((scene, "first"), (elsewhere, "second")):
            place.apply(scenes.gallery(description=text, tags={"team": text}, deletionPolicy="Delete"))
        for each in (driver, other, driver, other):
            await each.settle()
            await each.pass_time(timedelta(hours=1))
        first = await driver.services.kube.get("Gallery", scene.namespace, "platform")
        second = await other.services.kube.get("Gallery", elsewhere.namespace, "platform")
        assert condition(first, "Ready")["status"] == "True"
        stalled = condition(second, "Stalled")
        assert stalled["reason"] == "OwnershipConflict"
        assert f"test-cluster/{scene.namespace}/platform" in stalled["message"]
        assert scene.writes() == [("PUT", "platform")]
        elsewhere.delete("Gallery", "platform")
        await other.settle()
        assert scene.azure.resource(IDS["Gallery"]) is not None
    finally:
        await other.close()


async def test_nothing_new_is_put_into_what_an_object_is_refused(
    scene: Scene, driver: Driver, simulator: AzureSimulator
) -> None:
    scene.apply(scenes.gallery(), scenes.definition(), scenes.version())
    await driver.settle()
    elsewhere = scene.in_a_new_namespace()
    other = await Driver.start(scene.cluster, simulator, scene.azure, elsewhere.namespace, cluster_id="another-cluster")
    try:
        scene.azure.clear_journal()
        further = scenes.definition("further", identifier={"publisher": "contoso", "offer": "further", "sku": "1"})
        elsewhere.apply(scenes.gallery(), scenes.definition(), further, scenes.version("2.0.0"))
        for _ in range(6):
            await other.round()
        assert scene.writes() == []
        for kind, name, parent in (
            ("ImageDefinition", "further", "Gallery 'platform'"),
            ("ImageVersion", "ubuntu-2.0.0", "ImageDefinition 'ubuntu'"),
        ):
            ready = condition(await other.services.kube.get(kind, elsewhere.namespace, name), "Ready")
            assert ready["reason"] == "ParentNotReady"
            assert ready["message"].startswith(f"{parent} is refused: in Azure it belongs to 'test-cluster/")
        elsewhere.apply(scenes.gallery(**LOOKING), scenes.definition(**LOOKING))
        await other.settle()
        assert sorted(scene.writes()) == [("PUT", "2.0.0"), ("PUT", "further")]
    finally:
        await other.close()


async def test_an_owner_that_took_the_tag_over_stops_the_one_before(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(description="ours"))
    await driver.settle()
    taken = {names.OWNER_TAG: "another-cluster/team/platform"}
    scene.azure.tamper(IDS["Gallery"], {"tags": taken, "properties": {"description": "theirs"}})
    scene.azure.clear_journal()
    await driver.pass_time(timedelta(hours=1))
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "OwnershipConflict")
    scene.delete("Gallery", "platform")
    await driver.settle()
    assert scene.writes() == []
    assert await scene.get(driver, "Gallery", "platform") is None


async def test_who_empties_the_tags_makes_it_a_resource_that_existed_before(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(tags={"team": "ours"}))
    await driver.settle()
    tags = (scene.azure.resource(IDS["Gallery"]) or {})["tags"]
    scene.azure.tamper(IDS["Gallery"], {"tags": dict.fromkeys(tags)})
    await driver.pass_time(timedelta(hours=1))
    marked = {**tags, names.ADOPTED_TAG: "true"}
    assert (scene.azure.resource(IDS["Gallery"]) or {})["tags"] == marked
    scene.delete("Gallery", "platform")
    await driver.settle()
    assert (scene.azure.resource(IDS["Gallery"]) or {})["tags"] == marked


async def test_a_waiting_object_takes_over_at_once_when_asked_after_the_tag_was_removed(
    scene: Scene, driver: Driver
) -> None:
    foreign = {names.OWNER_TAG: "another-cluster/team/platform"}
    scene.azure.create([(IDS["Gallery"], {"location": "westeurope", "tags": foreign, "properties": {}})])
    scene.apply(scenes.gallery())
    await driver.settle()
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "OwnershipConflict")
    scene.azure.tamper(IDS["Gallery"], {"tags": dict.fromkeys(foreign)})
    scene.annotate("Gallery", "platform", names.RECONCILE_REQUESTED_AT, "now")
    await driver.settle()
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


async def test_from_manage_to_observe_and_back_nothing_is_lost(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(description="ours"), scenes.definition(), scenes.version())
    await driver.settle()
    before = {kind: scene.azure.resource(id_) for kind, id_ in IDS.items()}
    scene.azure.clear_journal()
    scene.apply(scenes.gallery(**LOOKING, description="new"), scenes.definition(**LOOKING), scenes.version(**LOOKING))
    await driver.settle()
    for kind in IDS:
        looking = await obj(scene, driver, kind)
        assert condition(looking, "Ready")["reason"] == "Observed"
        assert "finalizers" not in looking["metadata"], kind
    assert scene.writes() == []
    assert {kind: scene.azure.resource(id_) for kind, id_ in IDS.items()} == before
    scene.apply(scenes.gallery(description="new"), scenes.definition(), scenes.version())
    await driver.settle()
    assert scene.writes() == [("PUT", "platform")]
    for kind in reversed(IDS):
        assert (await obj(scene, driver, kind))["metadata"]["finalizers"] == [names.FINALIZER]
        scene.delete(kind, NAMES[kind])
    await driver.settle()
    assert scene.azure.resources() == [], "what the operator created still counts as created"


async def test_who_looks_sees_what_someone_else_owns(scene: Scene, driver: Driver) -> None:
    foreign = {names.OWNER_TAG: "another-cluster/team/platform"}
    scene.azure.create([(IDS["Gallery"], {"location": "westeurope", "tags": foreign, "properties": {}})])
    scene.azure.clear_journal()
    scene.apply(scenes.gallery(**LOOKING, description="x"))
    await driver.settle()
    looking = await obj(scene, driver, "Gallery")
    assert condition(looking, "Ready")["reason"] == "Observed"
    assert looking["status"]["provisioningState"] == "Succeeded"
    assert scene.writes() == []


async def test_who_looks_for_what_is_in_no_gallery_finds_nothing_and_looks_seldom(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(**LOOKING), scenes.definition(**LOOKING), scenes.version(**LOOKING))
    await driver.live(timedelta(hours=1))
    for kind, name in NAMES.items():
        assert await scene.ready(driver, kind, name) == ("False", "NotFound"), kind
    assert len(scene.azure.journal("GET .*/images/ubuntu/versions$")) <= 13, "one in five minutes"


async def test_after_a_pause_azure_is_looked_at_afresh(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(description="ours"))
    await driver.settle()
    scene.annotate("Gallery", "platform", names.PAUSED, "true")
    await driver.settle()
    scene.azure.tamper(IDS["Gallery"], {"properties": {"description": "theirs"}})
    scene.annotate("Gallery", "platform", names.PAUSED, None)
    await driver.settle()
    assert (scene.azure.resource(IDS["Gallery"]) or {})["properties"]["description"] == "ours"


async def test_a_paused_object_is_not_deleted_until_it_goes_on_and_echoes_requests(
    scene: Scene, driver: Driver
) -> None:
    scene.apply(scenes.gallery())
    await driver.settle()
    scene.annotate("Gallery", "platform", names.PAUSED, "true")
    scene.annotate("Gallery", "platform", names.RECONCILE_REQUESTED_AT, "please")
    scene.delete("Gallery", "platform")
    await driver.pass_time(timedelta(hours=2))
    held = await obj(scene, driver, "Gallery")
    assert held["status"]["lastHandledReconcileRequest"] == "please"
    assert scene.azure.resource(IDS["Gallery"]) is not None
    scene.annotate("Gallery", "platform", names.PAUSED, None)
    await driver.settle()
    assert await scene.get(driver, "Gallery", "platform") is None
    assert scene.azure.resource(IDS["Gallery"]) is None


async def test_a_pause_while_azure_works_leaves_the_work_to_azure(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(), scenes.definition(), scenes.version())
    while ("PUT", "1.0.0") not in scene.writes():
        if not await driver.round():
            scene.azure.advance(timedelta(seconds=30))
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.PAUSED, "true")
    await driver.settle()
    asked = len(scene.azure.journal("GET .*/versions/1.0.0"))
    await driver.pass_time(timedelta(hours=2))
    assert len(scene.azure.journal("GET .*/versions/1.0.0")) == asked
    assert scene.properties()["provisioningState"] == "Succeeded"
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.PAUSED, None)
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.writes().count(("PUT", "1.0.0")) == 1
