"""The cache of version lists: one LIST for all who ask, and no answer older than what we wrote ourselves."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from gallery_operator.api.arm_ids import DefinitionId, GalleryId
from gallery_operator.azure.verdicts import ArmError, Transient
from gallery_operator.azure.version_cache import VersionCache
from tests.unit.azure.conftest import ManualClock

Item = TypeVar("Item")

DEFINITION = GalleryId("sub", "rg", "g").definition("d")


def version(name: str, state: str = "Succeeded", **properties: Any) -> dict[str, Any]:
    return {"name": name, "location": "westeurope", "properties": {"provisioningState": state, **properties}}


class Azure:
    """The versions as Azure has them; a LIST can be made to wait, and reads before it waits."""

    def __init__(self) -> None:
        self.versions: dict[str, dict[str, Any]] | None = {}
        self.lists = 0
        self.open = asyncio.Event()
        self.open.set()
        self.error: ArmError | None = None

    async def fetch(self, definition: DefinitionId, keep: Callable[[dict[str, Any]], Item]) -> list[Item] | None:
        self.lists += 1
        answer = None if self.versions is None else [keep(version) for version in self.versions.values()]
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return answer

    def have(self, *versions: dict[str, Any]) -> None:
        self.versions = {body["name"]: body for body in versions}


class Changes:
    def __init__(self) -> None:
        self.heard: list[set[str]] = []

    def __call__(self, definition: DefinitionId, names: set[str]) -> None:
        assert definition == DEFINITION
        self.heard.append(names)


@pytest.fixture
async def azure() -> Azure:
    return Azure()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def cache(azure: Azure, clock: ManualClock, changes: Changes) -> VersionCache:
    return VersionCache(azure.fetch, clock, changes)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_a_list_serves_until_it_is_too_old(azure: Azure, cache: VersionCache, clock: ManualClock) -> None:
    azure.have(version("1.0.0"))
    await cache.versions(DEFINITION, 60)
    clock.advance(60)
    await cache.versions(DEFINITION, 60)
    assert azure.lists == 1

    clock.advance(1)
    snapshot = await cache.versions(DEFINITION, 60)

    assert azure.lists == 2
    assert snapshot is not None
    assert snapshot.fetched_at == clock.now()
    assert dict(snapshot) == {"1.0.0": version("1.0.0")}


async def test_callers_at_the_same_time_share_one_list(azure: Azure, cache: VersionCache) -> None:
    azure.have(version("1.0.0"))

    snapshots = await asyncio.gather(*(cache.versions(DEFINITION, 60) for _ in range(50)))

    assert azure.lists == 1
    assert all(snapshot is not None and list(snapshot) == ["1.0.0"] for snapshot in snapshots)


async def test_ids_that_differ_in_case_share_one_entry(azure: Azure, cache: VersionCache) -> None:
    await cache.versions(DEFINITION, 60)
    await cache.versions(GalleryId("SUB", "RG", "G").definition("D"), 60)

    assert azure.lists == 1


async def test_a_cancelled_caller_does_not_end_the_list_for_the_others(azure: Azure, cache: VersionCache) -> None:
    azure.open.clear()
    first = asyncio.create_task(cache.versions(DEFINITION, 60))
    second = asyncio.create_task(cache.versions(DEFINITION, 60))
    await until(lambda: azure.lists == 1)

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    azure.open.set()

    assert await second is not None
    assert first.cancelled()
    assert azure.lists == 1


async def test_a_list_that_began_too_long_ago_is_not_enough(
    azure: Azure, cache: VersionCache, clock: ManualClock
) -> None:
    azure.open.clear()
    early = asyncio.create_task(cache.versions(DEFINITION, 0))
    await until(lambda: azure.lists == 1)
    clock.advance(1)
    azure.have(version("1.0.0"))
    late = asyncio.create_task(cache.versions(DEFINITION, 0))
    await asyncio.sleep(0)
    azure.open.set()

    before, after = await early, await late

    assert before is not None
    assert after is not None
    assert (list(before), list(after)) == ([], ["1.0.0"])


async def test_an_error_reaches_every_caller_and_is_not_kept(azure: Azure, cache: VersionCache) -> None:
    azure.error = ArmError(Transient("ConnectionFailed", "x"))
    outcomes = await asyncio.gather(*(cache.versions(DEFINITION, 60) for _ in range(3)), return_exceptions=True)
    assert outcomes == [azure.error] * 3

    azure.error = None

    assert await cache.versions(DEFINITION, 60) is not None
    assert azure.lists == 2


async def test_an_absent_definition_is_remembered_as_absent(
    azure: Azure, cache: VersionCache, changes: Changes, clock: ManualClock
) -> None:
    azure.versions = None
    assert await cache.versions(DEFINITION, 60) is None
    assert await cache.versions(DEFINITION, 60) is None
    assert azure.lists == 1

    clock.advance(61)
    azure.have(version("1.0.0"))

    assert await cache.versions(DEFINITION, 60) is not None
    assert changes.heard == [{"1.0.0"}]


async def test_a_list_names_what_changed_appeared_and_vanished(
    azure: Azure, cache: VersionCache, changes: Changes, clock: ManualClock
) -> None:
    azure.have(version("1.0.0"), version("1.0.1"), version("1.0.2"))
    first = await cache.versions(DEFINITION, 60)
    assert changes.heard == [], "the first list has nothing to differ from"

    azure.have(version("1.0.0"), version("1.0.1", "Updating"), version("1.0.3"))
    clock.advance(61)
    second = await cache.versions(DEFINITION, 60)
    clock.advance(61)
    third = await cache.versions(DEFINITION, 60)

    assert changes.heard == [{"1.0.1", "1.0.2", "1.0.3"}]
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.revision < second.revision == third.revision


async def test_what_a_list_never_carries_or_spells_anew_is_no_change(
    azure: Azure, cache: VersionCache, changes: Changes, clock: ManualClock
) -> None:
    azure.have(version("1.0.0") | {"id": "/subscriptions/SUB/resourceGroups/RG", "type": "T"})
    await cache.versions(DEFINITION, 60)

    seen = version("1.0.0", replicationStatus={"aggregatedState": "Completed"}) | {"id": "/subscriptions/sub"}
    cache.update(DEFINITION, "1.0.0", seen)
    clock.advance(61)
    await cache.versions(DEFINITION, 60)

    assert changes.heard == []


async def test_the_packed_body_of_an_unchanged_version_stays_the_same_object(
    azure: Azure, cache: VersionCache, clock: ManualClock
) -> None:
    azure.have(version("1.0.0"), version("1.0.1"))
    first = await cache.versions(DEFINITION, 60)
    azure.have(version("1.0.0"), version("1.0.1", "Updating"))
    clock.advance(61)
    second = await cache.versions(DEFINITION, 60)

    assert first is not None
    assert second is not None
    assert second.packed("1.0.0") is first.packed("1.0.0")
    assert second.packed("1.0.1") != first.packed("1.0.1")


async def test_own_requests_show_at_once_and_are_not_called_back(
    azure: Azure, cache: VersionCache, changes: Changes
) -> None:
    azure.have(version("1.0.0"), version("1.0.1"))
    old = await cache.versions(DEFINITION, 60)

    cache.update(DEFINITION, "1.0.0", version("1.0.0", "Updating"))
    cache.update(DEFINITION, "1.0.1", None)
    cache.update(DEFINITION, "1.0.2", version("1.0.2", "Creating"))

    new = await cache.versions(DEFINITION, 60)
    assert old is not None
    assert new is not None
    assert dict(old) == {"1.0.0": version("1.0.0"), "1.0.1": version("1.0.1")}, "a snapshot does not change"
    assert dict(new) == {"1.0.0": version("1.0.0", "Updating"), "1.0.2": version("1.0.2", "Creating")}
    assert new.revision > old.revision
    assert changes.heard == []


async def test_the_end_of_an_own_operation_is_called_back(
    azure: Azure, cache: VersionCache, changes: Changes, clock: ManualClock
) -> None:
    await cache.versions(DEFINITION, 60)
    cache.update(DEFINITION, "1.0.0", version("1.0.0", "Creating"))
    azure.have(version("1.0.0"))
    clock.advance(61)

    await cache.versions(DEFINITION, 60)

    assert changes.heard == [{"1.0.0"}]


async def test_a_list_that_began_before_an_own_request_does_not_undo_it(
    azure: Azure, cache: VersionCache, changes: Changes, clock: ManualClock
) -> None:
    azure.have(version("1.0.0"), version("1.0.1"))
    await cache.versions(DEFINITION, 60)
    clock.advance(61)
    azure.open.clear()
    asking = asyncio.create_task(cache.versions(DEFINITION, 60))
    await until(lambda: azure.lists == 2)

    cache.update(DEFINITION, "1.0.0", version("1.0.0", "Updating"))
    cache.update(DEFINITION, "1.0.1", None)
    cache.update(DEFINITION, "1.0.2", version("1.0.2", "Creating"))
    azure.open.set()
    snapshot = await asking

    assert snapshot is not None
    assert dict(snapshot) == {"1.0.0": version("1.0.0", "Updating"), "1.0.2": version("1.0.2", "Creating")}
    assert changes.heard == []


async def test_the_first_list_respects_own_requests_made_meanwhile(azure: Azure, cache: VersionCache) -> None:
    azure.open.clear()
    asking = asyncio.create_task(cache.versions(DEFINITION, 60))
    await until(lambda: azure.lists == 1)

    cache.update(DEFINITION, "1.0.0", version("1.0.0", "Creating"))
    azure.open.set()
    snapshot = await asking

    assert snapshot is not None
    assert dict(snapshot) == {"1.0.0": version("1.0.0", "Creating")}


async def test_a_version_created_under_an_absent_definition_asks_for_a_new_list(
    azure: Azure, cache: VersionCache
) -> None:
    azure.versions = None
    await cache.versions(DEFINITION, 60)
    azure.have(version("1.0.0"))

    cache.update(DEFINITION, "1.0.0", version("1.0.0"))

    assert await cache.versions(DEFINITION, 60) is not None
    assert azure.lists == 2


async def test_peek_and_forget_do_not_ask_azure(azure: Azure, cache: VersionCache) -> None:
    assert cache.peek(DEFINITION) is None
    await cache.versions(DEFINITION, 60)
    assert cache.peek(DEFINITION) is not None

    cache.forget(DEFINITION)

    assert cache.peek(DEFINITION) is None
    assert azure.lists == 1


async def test_closing_ends_lists_that_are_under_way(azure: Azure, cache: VersionCache) -> None:
    azure.open.clear()
    asking = asyncio.create_task(cache.versions(DEFINITION, 60))
    await until(lambda: azure.lists == 1)

    await cache.close()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_ten_thousand_versions_take_less_than_15_mb(azure: Azure, cache: VersionCache) -> None:
    regions = [
        {"name": f"Region {n}", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"} for n in range(5)
    ]
    azure.have(
        *(
            version(
                f"1.0.{n}",
                publishingProfile={"targetRegions": regions, "replicaCount": 1, "publishedDate": "2026-11-23T10:00Z"},
                storageProfile={"source": {"id": f"/subscriptions/s/resourceGroups/rg/images/image-{n}"}},
            )
            for n in range(10_000)
        )
    )
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        snapshot = await cache.versions(DEFINITION, 60)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert snapshot is not None
    assert len(snapshot) == 10_000
    assert (after - before) / 1e6 < 15


async def test_a_version_that_cannot_be_packed_is_an_error_of_azure(azure: Azure, cache: VersionCache) -> None:
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"a": deep}
    azure.have(version("1.0.0", tags=deep))

    with pytest.raises(ArmError) as caught:
        await cache.versions(DEFINITION, 60)

    assert caught.value.verdict.reason == "UnreadableAnswer"
    azure.have(version("1.0.0"))
    assert await cache.versions(DEFINITION, 60) is not None
