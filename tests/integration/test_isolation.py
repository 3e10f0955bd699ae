"""What one namespace must not reach or learn by way of another object, another namespace, or an object's end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dev.azure_simulator.seeds import FOREIGN_SUBSCRIPTION_ID, SECOND_SUBSCRIPTION_ID, SUBSCRIPTION_ID
from gallery_operator.api import names
from gallery_operator.api.arm_ids import GalleryId
from gallery_operator.engine.keys import Key
from tests.integration import scenes
from tests.integration.credentials import APP, Start, app, client_secret, put, senders
from tests.integration.driving import JSON, Driver, condition
from tests.integration.scenes import Scene

ONLY_THE_FIRST = f"[{{namespaces: ['*'], subscriptions: ['{SUBSCRIPTION_ID}'], ownIdentity: true}}]"
SECRET_GALLERY = GalleryId(SECOND_SUBSCRIPTION_ID, "images-rg", "secret")


def _by_gallery() -> list[JSON]:
    """A chain of objects that lead into the other subscription by their Gallery."""
    return [
        scenes.named("secret", scenes.gallery(subscriptionId=SECOND_SUBSCRIPTION_ID, managementPolicy="Observe")),
        scenes.named("secret", scenes.definition(galleryRef={"name": "secret"}, azureName="ubuntu")),
        scenes.named("bait", scenes.version(imageDefinitionRef={"name": "secret"}, managementPolicy="Observe")),
    ]


def _by_id() -> list[JSON]:
    """One object that leads there by an ARM id."""
    aimed = {"id": str(SECRET_GALLERY.definition("ubuntu"))}
    return [scenes.named("bait", scenes.version(imageDefinitionRef=aimed, managementPolicy="Observe"))]


@pytest.mark.parametrize("bait", [_by_gallery, _by_id])
async def test_a_version_of_a_forbidden_subscription_is_no_source_by_way_of_another_object(
    scene: Scene, start: Start, bait: Callable[[], list[JSON]]
) -> None:
    owner = scene.in_a_new_namespace()
    theirs = await start(owner)
    owner.apply(
        scenes.named("secret", scenes.gallery(subscriptionId=SECOND_SUBSCRIPTION_ID)),
        scenes.definition(galleryRef={"name": "secret"}),
        scenes.version(),
    )
    await theirs.settle()
    assert scene.azure.resource(str(SECRET_GALLERY.definition("ubuntu").version("1.0.0"))) is not None

    thief = await start(scene, tenancy=ONLY_THE_FIRST)
    scene.apply(scenes.gallery(), scenes.definition())
    await thief.settle()
    scene.azure.clear_journal()
    scene.apply(*bait(), scenes.version("2.0.0", source={"galleryImageVersion": {"ref": "bait"}}))
    for _ in range(4):
        await thief.round()

    assert [each.path for each in scene.azure.journal(SECOND_SUBSCRIPTION_ID)] == []
    assert scene.writes("versions/2.0.0") == []
    status, reason = await scene.ready(thief, "ImageVersion", "ubuntu-2.0.0")
    assert (status, reason) == ("False", "SourceNotReady")


@pytest.mark.parametrize("kind", ["Gallery", "ImageDefinition"])
async def test_what_lost_its_schema_still_goes_by_the_credential_of_its_gallery(
    scene: Scene, start: Start, kind: str
) -> None:
    app(scene)
    put(scene, "azure", **client_secret())
    driver = await start(scene)
    scene.apply(scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID, credentialRef={"name": "azure"}))
    name = "platform"
    if kind == "ImageDefinition":
        scene.apply(scenes.definition())
        name = "ubuntu"
    await driver.settle()
    _make_unreadable(driver, Key("Gallery", scene.namespace, "platform"))
    going = driver.services.store.get(Key(kind, scene.namespace, name))
    assert going is not None
    scene.azure.clear_journal()

    going["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    _replace(driver, going)
    await driver.reconcilers[kind](Key(kind, scene.namespace, name))

    assert senders(scene) == {APP}
    assert [each.status for each in scene.azure.journal(f"DELETE .*/{name}$")] == [202]


def _make_unreadable(driver: Driver, key: Key) -> None:
    """Let the store hold an object as the CRDs of another version of the operator allow it."""
    raw = driver.services.store.get(key)
    assert raw is not None
    _replace(driver, {**raw, "spec": {**raw["spec"], "location": {"of": "another version"}}})


def _replace(driver: Driver, raw: JSON) -> None:
    newer = str(int(raw["metadata"]["resourceVersion"]) + 1)
    driver.services.store.put({**raw, "metadata": {**raw["metadata"], "resourceVersion": newer}})


async def test_what_another_namespace_soft_deleted_is_not_deleted_for_good(scene: Scene, start: Start) -> None:
    owner = scene.in_a_new_namespace()
    theirs = await start(owner)
    owner.apply(scenes.gallery(softDelete={"enabled": True}), scenes.definition(), scenes.version())
    await theirs.settle()
    owner.delete("ImageVersion", "ubuntu-1.0.0")
    await theirs.settle()
    kept = scene.azure.soft_deleted(str(scenes.DEFINITION))
    assert len(kept) == 1

    thief = await start(scene)
    hold = {names.PAUSED: "true", names.BYPASS_SOFT_DELETE: "true"}
    aimed = scenes.version(annotations=hold, imageDefinitionRef={"id": str(scenes.DEFINITION)})
    scene.apply({**aimed, "metadata": {**aimed["metadata"], "finalizers": [names.FINALIZER]}})
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.PAUSED, None)
    await thief.settle()

    assert scene.azure.soft_deleted(str(scenes.DEFINITION)) == kept
    assert scene.objects("ImageVersion") == []


async def test_a_subscription_that_is_no_longer_allowed_is_left_alone_also_at_the_end(
    scene: Scene, start: Start
) -> None:
    driver = await start(scene)
    scene.apply(scenes.gallery(subscriptionId=SECOND_SUBSCRIPTION_ID))
    await driver.settle()
    limited = await start(scene, tenancy=ONLY_THE_FIRST)
    scene.azure.clear_journal()

    scene.delete("Gallery", "platform")
    await limited.settle()

    assert scene.azure.journal() == []
    (found,) = scene.objects("Gallery")
    assert condition(found, "Stalled")["reason"] == "SubscriptionNotAllowed"


async def test_what_never_came_to_a_forbidden_subscription_goes_at_once(scene: Scene, start: Start) -> None:
    limited = await start(scene, tenancy=ONLY_THE_FIRST)
    scene.apply(scenes.gallery(subscriptionId=SECOND_SUBSCRIPTION_ID))
    await limited.settle()

    scene.delete("Gallery", "platform")
    await limited.settle()

    assert scene.objects("Gallery") == []
    assert scene.azure.journal() == []
