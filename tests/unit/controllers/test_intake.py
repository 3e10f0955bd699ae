"""When the store counts as complete: reconciles wait for it, since without the whole picture a parent seems missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gallery_operator.controllers.indexes import INDEXES
from gallery_operator.controllers.intake import Intake
from gallery_operator.controllers.memory import Memory
from gallery_operator.controllers.services import Services
from gallery_operator.engine.backoff import Backoff
from gallery_operator.engine.queue import WorkQueue
from gallery_operator.engine.store import Store
from gallery_operator.kube.client import Seen
from gallery_operator.kube.errors import Unavailable

pytestmark = pytest.mark.looptime


class Clock:
    """A clock that stands still: nothing here is delayed."""

    longest_nap: float | None = None

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)

    def real_seconds(self, seconds: float) -> float:
        return seconds


class Listing:
    """An API server that lists galleries, and counts how often it is asked."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(names)
        self.lists = 0
        self.failures = 0
        self.fetched: list[str] = []

    async def list_metadata(self, kind: str, namespace: str | None = None) -> dict[tuple[str, str], Seen]:
        assert namespace is None
        if kind != "Gallery":
            return {}
        self.lists += 1
        if self.failures:
            self.failures -= 1
            raise Unavailable("the API server is away")
        return {("ns", name): Seen(f"uid-{name}", "1") for name in self.names}

    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        assert (kind, namespace) == ("Gallery", "ns")
        self.fetched.append(name)
        return gallery(name)


def gallery(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": "1"}
    return {"apiVersion": "gallery-operator.io/v1alpha1", "kind": "Gallery", "metadata": metadata, "spec": {}}


@asynccontextmanager
async def sweeping(server: Listing) -> AsyncIterator[Intake]:
    clock, store = Clock(), Store(INDEXES)
    services = SimpleNamespace(
        store=store,
        queue=WorkQueue(clock),
        memory=Memory(),
        backoff=Backoff(),
        kube=server,
        clock=clock,
        accounts=SimpleNamespace(forget=lambda _: None),
    )
    intake = Intake(cast("Services", services), ())
    task = asyncio.create_task(intake.sweep_forever())
    try:
        yield intake
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_an_empty_cluster_is_in_sync_at_once() -> None:
    async with sweeping(Listing([])) as intake, asyncio.timeout(1):
        await intake.synced.wait()


async def test_the_store_is_in_sync_when_the_watch_has_brought_everything_and_one_list_is_enough() -> None:
    server = Listing([f"g{number}" for number in range(20)])
    async with sweeping(server) as intake:
        for name in server.names:
            await asyncio.sleep(1.5)
            assert not intake.synced.is_set()
            assert intake.not_synced()
            intake.on_event(None, gallery(name))
        async with asyncio.timeout(1):
            await intake.synced.wait()
    assert server.lists == 1


async def test_an_object_that_goes_before_the_watch_sees_it_is_not_waited_for() -> None:
    server = Listing(["stays", "goes"])
    async with sweeping(server) as intake:
        intake.on_event(None, gallery("stays"))
        await asyncio.sleep(1)
        assert not intake.synced.is_set()
        server.names.remove("goes")
        async with asyncio.timeout(5):
            await intake.synced.wait()
    assert server.lists == 2


async def test_a_list_that_fails_is_repeated() -> None:
    server = Listing([])
    server.failures = 3
    async with sweeping(server) as intake, asyncio.timeout(5):
        await intake.synced.wait()
    assert server.lists == 4


async def test_lists_that_go_on_failing_are_repeated_ever_less_often() -> None:
    server = Listing([])
    server.failures = 1000
    async with sweeping(server):
        await asyncio.sleep(600)
    assert 20 <= server.lists <= 30


async def test_a_watch_that_lists_anew_was_blind_so_what_it_missed_is_looked_for_at_once() -> None:
    server = Listing(["stays", "goes"])
    async with sweeping(server) as intake:
        for name in ("stays", "goes"):
            intake.on_event(None, gallery(name))
        await intake.synced.wait()
        server.names = ["stays", "came"]
        intake.on_event(None, gallery("stays"))
        await asyncio.sleep(1)
        assert intake.counts() == {("Gallery", "New"): 2}
        assert server.fetched == ["came"]
        await asyncio.sleep(60)
    assert server.lists == 2, "what a list fetched is no reason for another one"


async def test_what_vanished_unseen_is_dropped_and_what_came_unseen_is_fetched_by_a_later_list() -> None:
    server = Listing(["old"])
    async with sweeping(server) as intake:
        intake.on_event(None, gallery("old"))
        await intake.synced.wait()
        server.names = ["new"]
        await asyncio.sleep(700)
        assert intake.counts() == {("Gallery", "New"): 1}
    assert server.fetched == ["new"]
