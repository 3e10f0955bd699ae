"""Whose credential: the operator's reconcilers, real Secrets, and an Azure that lets each application do only its own.

Each application may use one subscription, so that a gallery in Azure tells by itself who made it; the simulator's
journal says it of every request.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.azure_simulator import AzureSimulator
from dev.azure_simulator.seeds import (
    CLIENT_ID,
    CLIENT_SECRET,
    FOREIGN_SUBSCRIPTION_ID,
    OTHER_TENANT_ID,
    SECOND_SUBSCRIPTION_ID,
    SUBSCRIPTION_ID,
    TENANT_ID,
)
from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.credentials import (
    APP,
    DEFAULT,
    HALF_A_MINUTE,
    OTHER_APP,
    SECRET,
    Start,
    app,
    by_workload_identity,
    client_secret,
    gallery_in,
    held,
    put,
    secrets,
    senders,
)
from tests.integration.driving import JSON, Counter, Killed, condition
from tests.integration.scenes import Scene
from tests.unit.azure import certificates

# --- the four ways ---


def by_secret(scene: Scene) -> dict[str, Any]:
    app(scene)
    return client_secret()


def by_certificate(scene: Scene) -> dict[str, Any]:
    file = certificates.pkcs12_file(password="open sesame")
    app(scene, secret=None, certificate=certificates.registered(file, "open sesame"))
    ids = {"AZURE_TENANT_ID": OTHER_TENANT_ID, "AZURE_CLIENT_ID": APP}
    return {**ids, "AZURE_CLIENT_CERTIFICATE": file, "AZURE_CLIENT_CERTIFICATE_PASSWORD": "open sesame"}


def by_managed_identity(scene: Scene) -> dict[str, Any]:
    app(scene, secret=None, on_node=True)
    return {"AUTH_MODE": "ManagedIdentity", "AZURE_CLIENT_ID": APP}


@pytest.mark.parametrize("way", [by_secret, by_certificate, by_workload_identity, by_managed_identity])
async def test_each_way_publishes_under_its_own_name(
    scene: Scene,
    start: Start,
    simulator: AzureSimulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    way: Callable[[Scene], dict[str, Any]],
    request: pytest.FixtureRequest,
) -> None:
    if way is by_workload_identity:
        request.getfixturevalue("federated")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", simulator.endpoints.url)
    put(scene, **way(scene), AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID)
    driver = await start()

    scene.apply(scenes.gallery(), scenes.definition())
    await driver.settle()

    assert await scene.ready(driver, "ImageDefinition", "ubuntu") == ("True", "Succeeded")
    assert scene.azure.resource(gallery_in(FOREIGN_SUBSCRIPTION_ID)) is not None
    assert senders(scene) == {APP}
    assert held(scene)


# --- the nearest ---


async def test_the_nearest_credential_wins(scene: Scene, start: Start) -> None:
    app(scene, APP, subscriptions=[FOREIGN_SUBSCRIPTION_ID])
    app(scene, OTHER_APP, subscriptions=[FOREIGN_SUBSCRIPTION_ID])
    driver = await start()

    async def sender(spec: JSON) -> set[str]:
        scene.azure.advance(HALF_A_MINUTE)
        scene.azure.clear_journal()
        scene.apply(spec)
        await driver.settle()
        return senders(scene, "galleries")

    assert await sender(scenes.gallery()) == {CLIENT_ID}
    put(scene, DEFAULT, **client_secret(APP))
    elsewhere = {"subscriptionId": FOREIGN_SUBSCRIPTION_ID}
    assert await sender(scenes.named("second", scenes.gallery(**elsewhere))) == {APP}
    put(scene, "azure", **client_secret(OTHER_APP))
    assert await sender(scenes.named("third", scenes.gallery(**elsewhere, credentialRef={"name": "azure"}))) == {
        OTHER_APP
    }


async def test_what_is_in_a_gallery_goes_with_its_credential(scene: Scene, start: Start) -> None:
    app(scene)
    put(scene, "azure", **client_secret())
    driver = await start()

    scene.apply(
        scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID, credentialRef={"name": "azure"}),
        scenes.definition(),
        scenes.version(source={"managedImage": {"id": _foreign_image()}}),
    )
    await driver.settle()

    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert senders(scene) == {APP}


def _foreign_image() -> str:
    return (
        f"/subscriptions/{FOREIGN_SUBSCRIPTION_ID}/resourceGroups/sources-rg/providers/Microsoft.Compute/images/"
        "ubuntu-2404-foreign"
    )


async def test_another_default_subscription_does_not_publish_everything_once_more(scene: Scene, start: Start) -> None:
    mine = {"AZURE_TENANT_ID": TENANT_ID, "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": CLIENT_SECRET}
    put(scene, **mine)
    driver = await start()
    scene.apply(scenes.gallery(), scenes.definition(), scenes.version())
    await driver.settle()
    there = scene.azure.resources()
    scene.azure.clear_journal()
    put(scene, **mine, AZURE_SUBSCRIPTION_ID=SECOND_SUBSCRIPTION_ID)
    await driver.pass_time(timedelta(hours=1), step=timedelta(minutes=10))
    for kind, name in (("Gallery", "platform"), ("ImageDefinition", "ubuntu"), ("ImageVersion", "ubuntu-1.0.0")):
        assert await scene.ready(driver, kind, name) == ("False", "ImmutableFieldDiffers")
    assert scene.writes() == []
    assert scene.azure.resources() == there
    put(scene, **mine, AZURE_SUBSCRIPTION_ID=SUBSCRIPTION_ID)
    await driver.pass_time(timedelta(hours=1), step=timedelta(minutes=10))
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    put(scene, **mine, AZURE_SUBSCRIPTION_ID=SECOND_SUBSCRIPTION_ID)
    for kind, name in (("ImageVersion", "ubuntu-1.0.0"), ("ImageDefinition", "ubuntu"), ("Gallery", "platform")):
        scene.delete(kind, name)
    await driver.pass_time(timedelta(hours=1), step=timedelta(minutes=10))
    assert scene.azure.resources() == [], "they are deleted where they are"


async def test_a_secret_that_is_named_is_waited_for(scene: Scene, start: Start) -> None:
    app(scene)
    driver = await start()
    spec = scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID, credentialRef={"name": "azure"})

    scene.apply(spec)
    await driver.round()
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "CredentialNotFound")
    assert scene.azure.journal() == []

    put(scene, "azure", **client_secret())
    await driver.settle()
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


# --- rotation ---


async def test_a_new_secret_is_taken_up_without_a_restart(scene: Scene, start: Start) -> None:
    app(scene)
    put(scene, **client_secret(AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    driver = await start()
    scene.apply(scenes.gallery())
    await driver.settle()

    app(scene, OTHER_APP)
    put(scene, **client_secret(OTHER_APP, AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    scene.azure.advance(HALF_A_MINUTE)
    scene.azure.clear_journal()
    scene.apply(scenes.gallery(tags={"team": "a"}))
    await driver.settle()

    assert (scene.azure.resource(gallery_in(FOREIGN_SUBSCRIPTION_ID)) or {})["tags"]["team"] == "a"
    assert senders(scene) == {OTHER_APP}
    assert held(scene)


async def test_a_refused_secret_says_so_and_goes_on_with_the_next_value(scene: Scene, start: Start) -> None:
    app(scene)
    scene.azure.rotate_secret(APP, "the next secret")
    put(scene, **client_secret(AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    driver = await start()
    scene.apply(scenes.gallery())
    await driver.round()
    ready = condition((await scene.get(driver, "Gallery", "platform")) or {}, "Ready")
    assert ready["reason"] == "CredentialUnavailable"
    assert f"Secret {scene.namespace}/{DEFAULT}: AADSTS7000215" in ready["message"]

    put(scene, **client_secret(value="the next secret", AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    await driver.settle()
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


async def test_a_new_value_wakes_what_was_refused_however_often_before(scene: Scene, start: Start) -> None:
    app(scene)
    scene.azure.rotate_secret(APP, "the next secret")
    put(scene, **client_secret(AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    driver = await start()
    scene.apply(scenes.gallery())
    for _ in range(12):
        await driver.round()
        scene.azure.advance(timedelta(minutes=5))
    await driver.round()
    await driver.round()

    put(scene, **client_secret(value="the next secret", AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    scene.azure.advance(HALF_A_MINUTE)
    await driver.round()
    assert scene.writes() == [("PUT", "platform")]


async def test_another_application_wakes_what_the_first_had_no_rights_for(scene: Scene, start: Start) -> None:
    app(scene, subscriptions=[])
    app(scene, OTHER_APP)
    put(scene, **client_secret(AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    driver = await start()
    scene.apply(scenes.gallery())
    for _ in range(12):
        await driver.round()
        scene.azure.advance(timedelta(minutes=5))
    await driver.round()
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "AuthorizationFailed")

    put(scene, **client_secret(OTHER_APP, AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    scene.azure.advance(HALF_A_MINUTE)
    await driver.round()
    assert scene.writes() == [("PUT", "platform")]


async def test_a_secret_that_is_put_right_wakes_what_it_blocked(scene: Scene, start: Start) -> None:
    app(scene)
    put(scene, AZURE_TENANT_ID="not a tenant", AZURE_CLIENT_ID=APP, AZURE_CLIENT_SECRET=SECRET)
    driver = await start()
    scene.apply(scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID))
    await driver.settle()
    found = (await scene.get(driver, "Gallery", "platform")) or {}
    assert (condition(found, "Ready")["reason"], condition(found, "Stalled")["status"]) == ("CredentialInvalid", "True")

    put(scene, **client_secret())
    scene.azure.advance(HALF_A_MINUTE)
    await driver.settle()
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


# --- until the end ---


async def test_a_namespace_that_is_deleted_as_a_whole_takes_its_azure_resources_along(
    scene: Scene, start: Start
) -> None:
    app(scene)
    put(scene, **client_secret(AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    driver = await start()
    source = {"managedImage": {"id": _foreign_image()}}
    scene.apply(scenes.gallery(), scenes.definition(), scenes.version(source=source))
    await driver.settle()
    scene.azure.clear_journal()

    # What the namespace controller does, which is not part of this control plane: it deletes everything, in any order.
    kubectl, where = scene.cluster.kubectl, ("-n", scene.namespace, "--wait=false")
    kubectl("delete", "namespace", scene.namespace, "--wait=false")
    kubectl("delete", "secret", "--all", *where)
    kubectl("delete", "gallery,imagedefinition,imageversion", "--all", *where)
    assert secrets(scene) == [f"secret/{DEFAULT}"]
    await driver.settle()

    assert scene.azure.resources() == []
    assert senders(scene) == {APP}
    assert [scene.objects(kind) for kind in names.PLURALS] == [[], [], []]
    assert secrets(scene) == []


async def test_a_secret_is_let_go_by_the_process_that_comes_after_a_crash(scene: Scene, start: Start) -> None:
    app(scene)
    put(scene, **client_secret(AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
    counter = Counter()
    whole = await start(counter=counter)
    scene.apply(scenes.gallery())
    await whole.settle()
    scene.delete("Gallery", "platform")
    await whole.settle()
    assert not held(scene)
    assert counter.crossed > 6  # claim, hold, PUT, report, DELETE, release, free

    for at in range(1, counter.crossed + 1):
        other = scene.in_a_new_namespace()
        put(other, **client_secret(AZURE_SUBSCRIPTION_ID=FOREIGN_SUBSCRIPTION_ID))
        other.apply(_in_group(other, at))
        await _live_and_die(other, start, at)
        assert not held(other), f"killed before write {at}"
        assert other.objects("Gallery") == []
    assert scene.azure.resources() == []


def _in_group(scene: Scene, number: int) -> JSON:
    return scenes.gallery(azureName=f"platform_{number}", description=scene.namespace)


async def _live_and_die(scene: Scene, start: Start, at: int) -> None:
    """Create and delete a gallery with a process that is killed before a write, and one that comes after it."""
    for number, kill_at in enumerate((at, None)):
        driver = await start(counter=Counter(), kill_at=kill_at, also=(scene.namespace,))
        try:
            await driver.settle()
            if number == 0 or scene.objects("Gallery"):
                scene.delete("Gallery", "platform")
            await driver.settle()
        except Killed:
            assert number == 0
            if scene.objects("Gallery"):
                scene.delete("Gallery", "platform")
