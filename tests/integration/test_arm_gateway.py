"""The gateway, with the operator's real credential chain, against the Azure simulator: as in a cluster, less Azure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from dev.azure_simulator import (
    AzureSimulator,
    Drop,
    FailOperation,
    Fault,
    ForeignOperation,
    Refuse,
    Switchboard,
    Throttle,
    source_id,
)
from gallery_operator import __version__
from gallery_operator.api.arm_ids import GalleryId
from gallery_operator.azure.clouds import explicit_cloud
from gallery_operator.azure.credentials import operator_credential
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.verdicts import ArmError, Throttled, Transient, Waiting
from gallery_operator.azure.version_cache import VersionCache
from gallery_operator.clock import FileClock

GALLERY = GalleryId("00000000-0000-0000-0000-000000000001", "images-rg", "gallery")
DEFINITION = GALLERY.definition("ubuntu")
VERSION = DEFINITION.version("1.0.0")

LOCATION = {"location": "westeurope"}
DEFINITION_BODY = LOCATION | {
    "properties": {
        "osType": "Linux",
        "osState": "Generalized",
        "hyperVGeneration": "V2",
        "architecture": "x64",
        "identifier": {"publisher": "p", "offer": "o", "sku": "s"},
    }
}
VERSION_BODY = LOCATION | {
    "properties": {
        "publishingProfile": {"targetRegions": [{"name": "westeurope"}, {"name": "eastus2"}]},
        "storageProfile": {"source": {"id": source_id("Microsoft.Compute/images", "ubuntu-2404-20261101")}},
    }
}
#: Longer than any operation takes.
AN_EVENING = timedelta(hours=6)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureSimulator]:
    with AzureSimulator.start(tmp_path_factory.mktemp("azure")) as simulator:
        yield simulator


@pytest.fixture
def azure(simulator: AzureSimulator) -> Iterator[Switchboard]:
    switchboard = Switchboard(simulator.endpoints)
    switchboard.reset()
    yield switchboard
    switchboard.close()


@pytest.fixture
def clock(simulator: AzureSimulator) -> FileClock:
    return FileClock(simulator.endpoints.clock_file)


@pytest.fixture
async def gateway(
    simulator: AzureSimulator, azure: Switchboard, clock: FileClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ArmGateway]:
    for name, value in simulator.endpoints.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)
    cloud = explicit_cloud(simulator.endpoints.url, simulator.endpoints.url, ca_file=simulator.endpoints.ca_file)
    async with operator_credential(cloud) as credential:
        gateway = ArmGateway(cloud, credential, clock=clock)
        yield gateway
        await gateway.close()


def state(body: dict[str, Any] | None) -> str:
    assert body is not None
    text: str = body["properties"]["provisioningState"]
    return text


async def error_of(attempt: Awaitable[Any]) -> ArmError:
    with pytest.raises(ArmError) as caught:
        await attempt
    return caught.value


async def create_parents(gateway: ArmGateway, azure: Switchboard) -> None:
    await gateway.put(GALLERY, LOCATION)
    azure.advance(timedelta(minutes=1))
    await gateway.put(DEFINITION, DEFINITION_BODY)
    azure.advance(timedelta(minutes=1))


async def test_a_version_lives_and_goes_with_its_parents(gateway: ArmGateway, azure: Switchboard) -> None:
    assert await gateway.get(VERSION) is None
    assert await gateway.list_versions(DEFINITION) is None
    assert state(await gateway.put(GALLERY, LOCATION)) == "Creating"
    azure.advance(timedelta(minutes=1))
    assert state(await gateway.put(DEFINITION, DEFINITION_BODY)) == "Creating"
    azure.advance(timedelta(minutes=1))
    assert await gateway.list_versions(DEFINITION) == []

    assert state(await gateway.put(VERSION, VERSION_BODY)) == "Creating"
    azure.advance(AN_EVENING)

    version = await gateway.get(VERSION, expand="ReplicationStatus")
    assert state(version) == "Succeeded"
    assert version is not None
    assert version["properties"]["replicationStatus"]["aggregatedState"] == "Completed"
    assert [each["name"] for each in await gateway.list_versions(DEFINITION) or []] == ["1.0.0"]

    assert (await error_of(gateway.delete(GALLERY))).verdict.reason == "ChildrenExist"
    for resource in (VERSION, DEFINITION, GALLERY):
        assert await gateway.delete(resource) is True
        azure.advance(AN_EVENING)
        assert await gateway.get(resource) is None
        assert await gateway.delete(resource) is False
    assert azure.resources() == []


async def test_every_request_says_who_sends_it(gateway: ArmGateway, azure: Switchboard) -> None:
    await gateway.get(GALLERY)

    (entry,) = azure.journal()
    assert entry.user_agent.startswith(f"gallery-operator/{__version__}")
    assert entry.client_request_id
    assert entry.query == {"api-version": "2026-03-03"}


async def test_an_error_carries_the_correlation_id_that_azure_noted(gateway: ArmGateway, azure: Switchboard) -> None:
    error = await error_of(gateway.put(VERSION, VERSION_BODY))

    (entry,) = azure.journal("^PUT ")
    assert isinstance(error.verdict, Waiting)
    assert error.correlation_id == entry.correlation_id != ""


@pytest.mark.parametrize("fault", [Refuse(status=500), Refuse(status=503, retry_after=5), Drop(when="before")])
async def test_a_failure_of_azure_is_transient_and_sent_once(
    gateway: ArmGateway, azure: Switchboard, fault: Fault
) -> None:
    await gateway.get(GALLERY)  # so that the connection is one that was used before
    azure.fault(fault)

    error = await error_of(gateway.put(GALLERY, LOCATION))

    assert isinstance(error.verdict, Transient)
    assert len(azure.journal("^PUT ")) == 1
    assert azure.resources() == []
    assert state(await gateway.put(GALLERY, LOCATION)) == "Creating"


async def test_a_connection_that_breaks_after_the_effect_leaves_the_resource(
    gateway: ArmGateway, azure: Switchboard
) -> None:
    await gateway.get(GALLERY)
    azure.fault(Drop(when="after"))

    error = await error_of(gateway.put(GALLERY, LOCATION))

    assert isinstance(error.verdict, Transient)
    assert error.verdict.reason == "ConnectionFailed"
    assert len(azure.journal("^PUT ")) == 1
    assert await gateway.get(GALLERY) is not None


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_429_is_heeded_for_as_long_as_azure_says(
    gateway: ArmGateway, azure: Switchboard, as_date: bool
) -> None:
    azure.fault(Throttle(retry_after=90, as_date=as_date))

    first = await error_of(gateway.put(GALLERY, LOCATION))
    second = await error_of(gateway.put(GALLERY, LOCATION))

    for error in (first, second):
        assert isinstance(error.verdict, Throttled)
        assert error.verdict.after == pytest.approx(90, abs=2)
    assert len(azure.journal("^PUT ")) == 1

    azure.advance(timedelta(seconds=92))
    assert state(await gateway.put(GALLERY, LOCATION)) == "Creating"


async def test_the_reason_of_a_failed_operation_is_found(gateway: ArmGateway, azure: Switchboard) -> None:
    await create_parents(gateway, azure)
    azure.fault(FailOperation(match="^PUT .*/versions/", code="DiskTooLarge", message="The disk is too large."))
    await gateway.put(VERSION, VERSION_BODY)
    azure.advance(AN_EVENING)

    assert state(await gateway.get(VERSION)) == "Failed"
    assert await gateway.failure(VERSION) == ("DiskTooLarge", "The disk is too large.")


async def test_an_operation_on_a_foreign_host_is_not_followed(gateway: ArmGateway, azure: Switchboard) -> None:
    await create_parents(gateway, azure)
    azure.fault(ForeignOperation(match="^PUT .*/versions/"))
    await gateway.put(VERSION, VERSION_BODY)
    azure.clear_journal()

    assert await gateway.failure(VERSION) is None
    assert azure.journal() == []


async def test_a_wrong_secret_is_a_matter_for_people(
    simulator: AzureSimulator, gateway: ArmGateway, azure: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong-secret")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    cloud = explicit_cloud(simulator.endpoints.url, simulator.endpoints.url, ca_file=simulator.endpoints.ca_file)
    async with operator_credential(cloud) as credential:
        refused = ArmGateway(cloud, credential, clock=simulator.clock)
        error = await error_of(refused.get(GALLERY))
        await refused.close()

    assert error.verdict.reason == "CredentialUnavailable"
    assert "AADSTS7000215" in error.message
    assert "wrong-secret" not in str(error)
    assert azure.journal() == []


def versions(count: int) -> list[tuple[str, dict[str, Any]]]:
    return [(str(DEFINITION.version(f"1.0.{number}")), VERSION_BODY) for number in range(count)]


async def test_the_cache_reads_all_pages_and_hears_of_changes(
    gateway: ArmGateway, azure: Switchboard, clock: FileClock
) -> None:
    await create_parents(gateway, azure)
    azure.create(versions(120))
    azure.clear_journal()
    changed: list[set[str]] = []
    cache = VersionCache(gateway.list_versions, clock, lambda _, names: changed.append(names))

    first = await cache.versions(DEFINITION, 600)
    azure.tamper(str(DEFINITION.version("1.0.7")), {"tags": {"someone": "else"}})
    azure.remove(str(DEFINITION.version("1.0.9")))
    azure.advance(timedelta(seconds=601))
    second = await cache.versions(DEFINITION, 600)

    assert first is not None
    assert second is not None
    assert (len(first), len(second)) == (120, 119)
    assert second["1.0.7"]["tags"] == {"someone": "else"}
    assert changed == [{"1.0.7", "1.0.9"}]
    assert len(azure.journal("^GET .*/versions$")) == 6


async def persist(send: Callable[[], Awaitable[Any]]) -> None:
    """Do as a work queue does: come back when told to."""
    while True:
        try:
            await send()
            return
        except ArmError as error:
            if not isinstance(error.verdict, Throttled):
                raise
            await asyncio.sleep(error.verdict.after / 50)


async def test_the_budget_keeps_below_the_limits_that_azure_enforces(gateway: ArmGateway, azure: Switchboard) -> None:
    await gateway.put(GALLERY, LOCATION)
    azure.configure(throttling=True)
    azure.set_speed(50)
    try:
        await asyncio.gather(*(persist(partial(gateway.get, DEFINITION)) for _ in range(400)))
    finally:
        azure.set_speed(1)

    entries = azure.journal("^GET ")
    assert [entry.status for entry in entries] == [404] * 400
    seconds = (entries[-1].time - entries[0].time).total_seconds()
    assert seconds >= (400 - 237.5) / 23.75 - 1


async def test_everything_gets_done_although_azure_throttles_its_policy(
    gateway: ArmGateway, azure: Switchboard
) -> None:
    azure.configure(throttling=True)
    azure.set_speed(50)
    galleries = [GalleryId(GALLERY.subscription, GALLERY.resource_group, f"gallery{n}") for n in range(60)]
    try:
        await asyncio.gather(*(persist(partial(gateway.put, each, LOCATION)) for each in galleries))
    finally:
        azure.set_speed(1)

    entries = azure.journal("^PUT ")
    assert len([entry for entry in entries if entry.status == 201]) == 60
    refused = [entry for entry in entries if entry.status == 429]
    assert len(refused) <= 32, "one 429 for each request in flight at most, then the policy is held"
    assert (entries[-1].time - entries[0].time).total_seconds() >= 180, "the policy allows 50 in 3 minutes"
