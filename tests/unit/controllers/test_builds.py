"""Who builds from a managed image, where several namespaces name the same one."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gallery_operator.api.arm_ids import DefinitionId, VersionId, parse_arm_id
from gallery_operator.azure.verdicts import ArmError, Throttled, Transient, Verdict
from gallery_operator.controllers.accounts import Account, AccountKey
from gallery_operator.controllers.builds import Builder, Builds
from gallery_operator.controllers.indexes import INDEXES
from gallery_operator.controllers.memory import Memory
from gallery_operator.controllers.services import Pace, Services
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Store
from tests.unit.azure.conftest import ManualClock

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Compute"
IMAGE = f"{GROUP}/images/golden"


class Versions:
    """The LIST of definitions: what it finds, or how it fails."""

    def __init__(self) -> None:
        self.failure: Verdict | None = None
        self.known: dict[str, Any] = {}

    def peek(self, definition: DefinitionId) -> Any:
        return self.known.get(definition.definition)

    async def versions(self, definition: DefinitionId, max_age: float) -> Any:
        if self.failure is not None:
            raise ArmError(self.failure)
        return self.known.setdefault(definition.definition, {})


class World:
    """Two namespaces, each with a credential of its own."""

    def __init__(self) -> None:
        self.store = Store(INDEXES)
        self.accounts = {name: SimpleNamespace(versions=Versions()) for name in ("ours", "theirs")}
        self.woken: list[Key] = []
        self._versions = itertools.count(1)
        services = SimpleNamespace(
            store=self.store,
            clock=ManualClock(),
            memory=Memory(),
            pace=Pace(),
            queue=SimpleNamespace(add=self.woken.append),
            accounts=SimpleNamespace(open=self._open, admit=lambda *_: None),
        )
        self.builds = Builds(cast("Services", services))

    async def _open(self, key: AccountKey) -> Any:
        return self.accounts[key.namespace]

    def version(self, namespace: str, name: str) -> Builder:
        key = Key("ImageVersion", namespace, name)
        definition = f"{GROUP}/galleries/{namespace}/images/{name}"
        metadata = {"name": name, "namespace": namespace, "uid": f"{key}", "resourceVersion": str(next(self._versions))}
        spec = {
            "imageDefinitionRef": {"id": definition},
            "version": "1.0.0",
            "source": {"managedImage": {"id": IMAGE}},
        }
        self.store.put({"kind": "ImageVersion", "metadata": metadata, "spec": spec})
        id_ = parse_arm_id(f"{definition}/versions/1.0.0")
        assert isinstance(id_, VersionId)
        return Builder(key, cast("Account", self.accounts[namespace]), id_)

    def creating(self, builder: Builder) -> None:
        state = {"properties": {"provisioningState": "Creating"}}
        cast("Any", builder.account.versions).known[builder.id.definition.definition] = {"1.0.0": state}


@pytest.fixture
def world() -> World:
    return World()


TROUBLE = [Transient("InternalServerError", "gallery of theirs broke"), Throttled(60.0, "their subscription")]


@pytest.mark.parametrize("verdict", TROUBLE, ids=lambda each: type(each).__name__)
async def test_the_trouble_of_another_namespace_is_not_told_and_holds_nobody_up(world: World, verdict: Verdict) -> None:
    ours, _ = world.version("ours", "web"), world.version("theirs", "web")
    world.accounts["theirs"].versions.failure = verdict

    assert await world.builds.claim(IMAGE.casefold(), ours) is None


@pytest.mark.parametrize("verdict", TROUBLE, ids=lambda each: type(each).__name__)
async def test_while_azure_cannot_say_who_builds_in_the_own_namespace_nothing_is_built(
    world: World, verdict: Verdict
) -> None:
    ours, _ = world.version("ours", "web"), world.version("ours", "db")
    world.accounts["ours"].versions.failure = verdict

    with pytest.raises(ArmError):
        await world.builds.claim(IMAGE.casefold(), ours)


async def test_who_builds_in_another_namespace_is_waited_for(world: World) -> None:
    ours, theirs = world.version("ours", "web"), world.version("theirs", "web")
    world.creating(theirs)

    assert await world.builds.claim(IMAGE.casefold(), ours) == theirs.key


async def test_of_two_that_come_at_once_one_builds_and_the_other_is_woken_when_that_is_over(world: World) -> None:
    first, second = world.version("ours", "web"), world.version("ours", "db")

    assert await world.builds.claim(IMAGE.casefold(), first) is None
    assert await world.builds.claim(IMAGE.casefold(), second) == first.key
    world.builds.over(first.key)

    assert world.woken == [second.key]
    assert await world.builds.claim(IMAGE.casefold(), second) is None
