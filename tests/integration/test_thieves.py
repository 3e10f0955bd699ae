"""What a namespace cannot do with the credential of another one, or against the rules of an administrator."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest

from dev.azure_simulator import AzureSimulator
from dev.azure_simulator.seeds import (
    CLIENT_ID,
    FOREIGN_SUBSCRIPTION_ID,
    OTHER_TENANT_ID,
    SECOND_SUBSCRIPTION_ID,
    SUBSCRIPTION_ID,
    TENANT_ID,
)
from tests.integration import scenes
from tests.integration.credentials import (
    APP,
    DEFAULT,
    OTHER_APP,
    SECRET,
    Start,
    app,
    by_workload_identity,
    client_secret,
    gallery_in,
    held,
    put,
    senders,
    some_rounds,
)
from tests.integration.driving import condition
from tests.integration.scenes import Scene
from tests.unit.azure import certificates

# --- thieves ---


@pytest.fixture
def victim(scene: Scene) -> Scene:
    """Another namespace, with a credential that may use a subscription of its own."""
    victim = scene.in_a_new_namespace()
    app(victim)
    put(victim, "azure", **client_secret())
    put(victim, DEFAULT, **client_secret())
    return victim


@pytest.mark.parametrize(
    "reference",
    [
        {"name": "azure"},
        {"name": "{victim}/azure"},
        {"name": "../{victim}/azure"},
        {"name": "..%2f..%2f{victim}%2fsecrets%2fazure"},
        {"name": "azure", "namespace": "{victim}"},
        {"namespace": "{victim}", "name": "azure", "kind": "Secret"},
        {"name": "azure.{victim}"},
        {"name": "azure?namespace={victim}"},
        {"name": ""},
    ],
    ids=lambda reference: "-".join(reference.values()) or "empty",
)
async def test_the_secret_of_another_namespace_cannot_be_named(
    scene: Scene, start: Start, victim: Scene, reference: dict[str, str]
) -> None:
    aimed = {key: value.replace("{victim}", victim.namespace) for key, value in reference.items()}
    spec = scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID, credentialRef=aimed)
    manifest = json.dumps({**spec, "metadata": {**spec["metadata"], "namespace": scene.namespace}})
    # Without the field validation of kubectl: a thief talks to the API server directly.
    scene.cluster.kubectl("apply", "--validate=false", "-f", "-", input=manifest, check=False)
    driver = await start(also=(victim.namespace,))

    await some_rounds(scene, driver)

    assert scene.azure.journal() == []
    assert not held(victim, "azure")
    for each in scene.objects("Gallery"):
        assert condition(each, "Ready")["reason"] == "CredentialNotFound"


async def test_the_gallery_of_another_namespace_is_not_reached_with_its_credential(
    scene: Scene, start: Start, victim: Scene
) -> None:
    driver = await start(
        also=(victim.namespace,),
        tenancy=f"[{{namespaces: ['*'], subscriptions: ['{SUBSCRIPTION_ID}', "
        f"'{FOREIGN_SUBSCRIPTION_ID}'], ownIdentity: true}}]",
    )
    victim.apply(scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID, tags={"price": "secret-4711"}))
    await driver.settle()
    scene.azure.add_app(CLIENT_ID, TENANT_ID, secret="simulated-client-secret", subscriptions=[SUBSCRIPTION_ID])
    scene.azure.clear_journal()

    gallery_id = gallery_in(FOREIGN_SUBSCRIPTION_ID)
    scene.apply(
        scenes.named("platform", scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID, managementPolicy="Observe")),
        scenes.named("by-id", scenes.definition(galleryRef={"id": gallery_id})),
    )
    await some_rounds(scene, driver)

    ours = json.dumps([*scene.objects("Gallery"), *scene.objects("ImageDefinition"), *scene.events()])
    assert "secret-4711" not in ours
    assert [each for each in scene.azure.journal() if each.client_id != CLIENT_ID] == []
    assert not [each for each in scene.azure.journal() if each.status in range(200, 300)]
    for kind, name in (("Gallery", "platform"), ("ImageDefinition", "by-id")):
        status, _ = await scene.ready(driver, kind, name)
        assert status == "False"


async def test_no_value_of_a_secret_is_told_anywhere(
    scene: Scene, start: Start, log: io.StringIO, simulator: AzureSimulator
) -> None:
    password = "correct horse battery staple"
    pem = certificates.pem(password=password)
    ids = {"AZURE_TENANT_ID": OTHER_TENANT_ID, "AZURE_CLIENT_ID": APP}
    tries: list[dict[str, Any]] = [
        client_secret(),  # unknown to Azure
        client_secret(CLIENT_ID, SECRET, TENANT_ID),  # known, with another secret
        {**client_secret(), "AUTH_MODE": "WorkloadIdentity"},  # two ways at once
        {**client_secret(), "AZURE_TENANT_ID": SECRET},  # the value in the wrong place
        {**client_secret(), "AZURE_CLIENT_ID": SECRET},
        {**ids, "AUTH_MODE": SECRET},
        {**ids, "AZURE_CLIENT_CERTIFICATE": pem, "AZURE_CLIENT_CERTIFICATE_PASSWORD": "wrong" + password},
        {**ids, "AZURE_CLIENT_CERTIFICATE": pem, "AZURE_CLIENT_CERTIFICATE_PASSWORD": password},
        {**ids, "AZURE_CLIENT_CERTIFICATE": SECRET},
        {**ids, "AZURE_CLIENT_SECRET": b"\xff\xfe" + SECRET.encode()},
    ]
    driver = await start()
    for number, data in enumerate(tries):
        put(scene, f"try-{number}", **data)
        scene.apply(
            scenes.named(
                f"gallery-{number}",
                scenes.gallery(credentialRef={"name": f"try-{number}"}, subscriptionId=SUBSCRIPTION_ID),
            )
        )
    await some_rounds(scene, driver, 6)

    objects = [each["status"] for each in scene.objects("Gallery")]
    assert len(objects) == len(tries)
    told = json.dumps([objects, scene.events()]) + log.getvalue()
    assert "try-0" in told
    for value in (SECRET, password, base64.b64encode(SECRET.encode()).decode(), *_lines(pem)):
        assert value not in told


def _lines(pem: bytes) -> list[str]:
    return [line for line in pem.decode().splitlines() if not line.startswith("-----")]


# --- what an administrator allows ---


async def test_a_namespace_without_a_rule_is_stalled_and_azure_not_asked(scene: Scene, start: Start) -> None:
    driver = await start(tenancy="[]")
    scene.apply(scenes.gallery(), scenes.definition())
    await driver.settle()

    found = (await scene.get(driver, "Gallery", "platform")) or {}
    assert condition(found, "Ready")["reason"] == "IdentityNotAllowed"
    assert condition(found, "Stalled")["status"] == "True"
    assert "no rule names it, so nothing is allowed" in condition(found, "Stalled")["message"]
    assert scene.azure.journal() == []


@pytest.mark.usefixtures("federated")
async def test_a_namespace_cannot_borrow_the_operators_token_for_the_client_of_another(
    scene: Scene, start: Start
) -> None:
    driver = await start(
        tenancy=f"[{{namespaces: ['{scene.namespace}'], clientIds: ['{OTHER_APP}']}}, {{namespaces: ['*']}}]"
    )
    put(scene, **by_workload_identity(scene))
    scene.apply(scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID))
    await driver.settle()

    assert await scene.ready(driver, "Gallery", "platform") == ("False", "IdentityNotAllowed")
    assert scene.azure.journal() == []
    assert not held(scene)


async def test_a_subscription_that_is_not_allowed_stalls_whatever_the_credential(scene: Scene, start: Start) -> None:
    app(scene)
    put(scene, **client_secret())
    driver = await start(tenancy=f"[{{namespaces: ['*'], subscriptions: ['{SECOND_SUBSCRIPTION_ID}']}}]")
    scene.apply(scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID))
    await driver.settle()

    found = (await scene.get(driver, "Gallery", "platform")) or {}
    assert condition(found, "Ready")["reason"] == "SubscriptionNotAllowed"
    assert condition(found, "Stalled")["status"] == "True"
    assert scene.azure.journal() == []


async def test_when_secrets_are_not_read_the_operators_identity_serves_all(scene: Scene, start: Start) -> None:
    put(scene, **client_secret())
    driver = await start(secrets=False)
    naming = scenes.gallery(azureName="named", credentialRef={"name": DEFAULT})
    scene.apply(scenes.gallery(), scenes.named("named", naming))
    await driver.settle()

    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    assert await scene.ready(driver, "Gallery", "named") == ("False", "IdentityNotAllowed")
    assert senders(scene) == {CLIENT_ID}
    assert not held(scene)
