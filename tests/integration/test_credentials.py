"""Whose credential: the operator's reconcilers, real Secrets, and an Azure that lets each application do only its own.

Each application may use one subscription, so that a gallery in Azure tells by itself who made it; the simulator's
journal says it of every request.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
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
from gallery_operator.telemetry import logging as structured_logging
from tests.integration import scenes
from tests.integration.driving import JSON, Counter, Driver, Killed, condition
from tests.integration.scenes import Scene
from tests.unit.azure import certificates

Start = Callable[..., Awaitable[Driver]]

APP = "66666666-7777-8888-9999-aaaaaaaaaaaa"
OTHER_APP = "66666666-7777-8888-9999-bbbbbbbbbbbb"
SECRET = "a~client.secret_of-40-characters-or-so"
DEFAULT = names.DEFAULT_CREDENTIAL
HALF_A_MINUTE = timedelta(seconds=31)


@pytest.fixture
async def start(scene: Scene, simulator: AzureSimulator) -> AsyncIterator[Start]:
    """Starts processes of the operator."""
    drivers: list[Driver] = []

    async def start(**options: Any) -> Driver:
        drivers.append(await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace, **options))
        return drivers[-1]

    yield start
    for driver in drivers:
        await driver.close()


def put(scene: Scene, name: str = DEFAULT, **data: str | bytes) -> None:
    """Create a Secret, or give it other values."""
    encoded = {
        key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
        for key, value in data.items()
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
    scene.cluster.kubectl("apply", "--server-side", "-n", scene.namespace, "-f", "-", input=json.dumps(secret))


def client_secret(client: str = APP, value: str = SECRET, tenant: str = OTHER_TENANT_ID, **more: str) -> dict[str, str]:
    return {"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": value, **more}


def app(scene: Scene, client: str = APP, **more: Any) -> None:
    """Let Azure know an application that may use nothing but the other tenant's subscription."""
    more = {"secret": SECRET, "subscriptions": [FOREIGN_SUBSCRIPTION_ID], **more}
    scene.azure.add_app(client, OTHER_TENANT_ID, **more)


def gallery_in(subscription: str, name: str = "platform", group: str = "images-rg") -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{name}"


def senders(scene: Scene, match: str = "") -> set[str]:
    """Who sent requests since the journal was cleared."""
    return {each.client_id for each in scene.azure.journal(match)}


def metadata_of(scene: Scene, name: str = DEFAULT) -> JSON:
    found: JSON = scene.cluster.kubectl.json("get", "secret", name, "-n", scene.namespace)["metadata"]
    return found


def held(scene: Scene, name: str = DEFAULT) -> bool:
    return names.CREDENTIAL_FINALIZER in metadata_of(scene, name).get("finalizers", [])


def secrets(scene: Scene) -> list[str]:
    return scene.cluster.kubectl("get", "secret", "-n", scene.namespace, "-o", "name").split()


async def some_rounds(scene: Scene, driver: Driver, rounds: int = 3) -> None:
    """Go on for a while, where nothing is ever settled: what is waited for does not come."""
    for _ in range(rounds):
        await driver.round()
        scene.azure.advance(HALF_A_MINUTE)


# --- the four ways ---


@pytest.fixture
def federated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's pod has a token of its cluster."""
    claims = {"iss": "https://issuer.example", "sub": "system:serviceaccount:ops:operator"}
    token = jwt.encode({**claims, "exp": int(time.time()) + 3600}, "a key that nobody checks: 32 bytes.", "HS256")
    (tmp_path / "token").write_text(token)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))


def by_secret(scene: Scene) -> dict[str, Any]:
    app(scene)
    return client_secret()


def by_certificate(scene: Scene) -> dict[str, Any]:
    file = certificates.pkcs12_file(password="open sesame")
    app(scene, secret=None, certificate=certificates.registered(file, "open sesame"))
    ids = {"AZURE_TENANT_ID": OTHER_TENANT_ID, "AZURE_CLIENT_ID": APP}
    return {**ids, "AZURE_CLIENT_CERTIFICATE": file, "AZURE_CLIENT_CERTIFICATE_PASSWORD": "open sesame"}


def by_workload_identity(scene: Scene) -> dict[str, Any]:
    app(scene, secret=None)
    scene.azure.trust("https://issuer.example", "system:serviceaccount:ops:operator", APP)
    return {"AUTH_MODE": "WorkloadIdentity", "AZURE_TENANT_ID": OTHER_TENANT_ID, "AZURE_CLIENT_ID": APP}


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
    assert await sender(_named("second", scenes.gallery(**elsewhere))) == {APP}
    put(scene, "azure", **client_secret(OTHER_APP))
    assert await sender(_named("third", scenes.gallery(**elsewhere, credentialRef={"name": "azure"}))) == {OTHER_APP}


def _named(name: str, gallery: JSON) -> JSON:
    return {**gallery, "metadata": {**gallery["metadata"], "name": name}}


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


# --- thieves ---


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the operator logs at its most talkative level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    structured_logging.configure("json", "DEBUG", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


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
        _named("platform", scenes.gallery(subscriptionId=FOREIGN_SUBSCRIPTION_ID, managementPolicy="Observe")),
        _named("by-id", scenes.definition(galleryRef={"id": gallery_id})),
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
            _named(
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
    scene.apply(scenes.gallery(), _named("named", scenes.gallery(azureName="named", credentialRef={"name": DEFAULT})))
    await driver.settle()

    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    assert await scene.ready(driver, "Gallery", "named") == ("False", "IdentityNotAllowed")
    assert senders(scene) == {CLIENT_ID}
    assert not held(scene)
