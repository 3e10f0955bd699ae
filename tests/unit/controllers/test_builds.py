"""Who builds from a managed image, where several namespaces name the same one."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from gallery_operator.api.arm_ids import DefinitionId, VersionId, parse_arm_id
from gallery_operator.azure.verdicts import ArmError, Throttled, Transient, Verdict, Waiting
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


class Listed(dict[str, Any]):
    """The versions of a definition, as they are kept."""

    def packed(self, name: str) -> bytes:
        return orjson.dumps(self[name])


class Versions:
    """The LIST of definitions: what is known, what another one finds (None: the same), or how it fails."""

    def __init__(self) -> None:
        self.failure: Verdict | None = None
        self.known: dict[str, Listed] = {}
        self.found: dict[str, Listed] = {}

    def peek(self, definition: DefinitionId) -> Listed | None:
        return self.known.get(definition.definition)

    async def versions(self, definition: DefinitionId, max_age: float) -> Listed:
        del max_age
        if self.failure is not None:
            raise ArmError(self.failure)
        name = definition.definition
        self.known[name] = self.found.get(name, self.known.get(name, Listed()))
        return self.known[name]


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

    def shows(self, builder: Builder, *, version: str = "1.0.0", of: str = IMAGE, state: str = "Creating") -> Listed:
        """Let the list of a definition show a version that was never built from its source."""
        profile = {"source": {"id": of}, "osDiskImage": {}}
        listed = Listed({version: {"properties": {"provisioningState": state, "storageProfile": profile}}})
        cast("Any", builder.account.versions).known[builder.id.definition.definition] = listed
        return listed

    def over_behind_our_back(self, builder: Builder) -> None:
        """Let the next LIST find that nothing is built any more."""
        cast("Any", builder.account.versions).found[builder.id.definition.definition] = Listed()


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
    world.shows(theirs)

    assert await world.builds.claim(IMAGE.casefold(), ours) == theirs.key


async def test_of_two_that_come_at_once_one_builds_and_the_other_is_woken_when_that_is_over(world: World) -> None:
    first, second = world.version("ours", "web"), world.version("ours", "db")

    assert await world.builds.claim(IMAGE.casefold(), first) is None
    assert await world.builds.claim(IMAGE.casefold(), second) == first.key
    world.builds.over(first.key)

    assert world.woken == [second.key]
    assert await world.builds.claim(IMAGE.casefold(), second) is None


async def test_what_is_built_again_after_it_failed_is_waited_for_too(world: World) -> None:
    ours, theirs = world.version("ours", "web"), world.version("ours", "db")
    world.shows(theirs, state="Updating")

    assert await world.builds.claim(IMAGE.casefold(), ours) == theirs.key


async def test_a_build_that_nobody_looks_after_any_more_holds_nobody_up_when_it_is_over(world: World) -> None:
    ours, paused = world.version("ours", "web"), world.version("ours", "db")
    world.shows(paused)
    assert await world.builds.claim(IMAGE.casefold(), ours) == paused.key

    world.over_behind_our_back(paused)

    assert await world.builds.claim(IMAGE.casefold(), ours) is None


@pytest.mark.parametrize("verdict", TROUBLE, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("namespace", ["ours", "theirs"])
async def test_who_built_a_minute_ago_still_does_while_azure_cannot_be_asked(
    world: World, namespace: str, verdict: Verdict
) -> None:
    ours, other = world.version("ours", "web"), world.version(namespace, "db")
    world.shows(other)
    world.accounts[namespace].versions.failure = verdict

    assert await world.builds.claim(IMAGE.casefold(), ours) == other.key


async def test_who_may_not_be_looked_at_any_more_holds_nobody_up(world: World) -> None:
    ours, theirs = world.version("ours", "web"), world.version("theirs", "db")
    world.shows(theirs)
    world.accounts["theirs"].versions.failure = Waiting("AuthorizationFailed", "no")

    assert await world.builds.claim(IMAGE.casefold(), ours) is None


async def test_a_build_without_an_object_is_waited_for_where_the_candidates_definition_shows_it(world: World) -> None:
    ours = world.version("ours", "web")
    world.shows(ours, version="0.9.0", of=IMAGE.upper())

    assert await world.builds.claim(IMAGE.casefold(), ours) == ours.id.definition.version("0.9.0")
    world.over_behind_our_back(ours)
    assert await world.builds.claim(IMAGE.casefold(), ours) is None


@pytest.mark.parametrize(("of", "state"), [(IMAGE, "Succeeded"), (IMAGE, "Failed"), (f"{IMAGE}2", "Creating")])
async def test_a_version_without_an_object_that_builds_nothing_from_the_image_holds_nobody_up(
    world: World, of: str, state: str
) -> None:
    ours = world.version("ours", "web")
    world.shows(ours, version="0.9.0", of=of, state=state)

    assert await world.builds.claim(IMAGE.casefold(), ours) is None


async def test_those_that_wait_take_their_turns_in_the_order_of_coming(world: World) -> None:
    builder, *others = [world.version("ours", name) for name in ("a", "b", "c", "d")]
    for each in (builder, *others, *reversed(others)):  # they look again now and then
        await world.builds.claim(IMAGE.casefold(), each)

    for each in (builder, *others):
        assert await world.builds.claim(IMAGE.casefold(), each) is None
        world.builds.over(each.key)

    assert world.woken == [each.key for each in others]


async def test_who_is_woken_and_does_not_build_passes_its_turn_on(world: World) -> None:
    builder, paused, next_ = [world.version("ours", name) for name in ("a", "b", "c")]
    for each in (builder, paused, next_):
        await world.builds.claim(IMAGE.casefold(), each)

    world.builds.over(builder.key)
    assert world.woken == [paused.key]
    world.builds.over(paused.key)

    assert world.woken == [paused.key, next_.key]


async def test_a_turn_that_came_when_the_image_was_taken_again_wakes_nobody_else(world: World) -> None:
    builder, woken, newcomer, last = [world.version("ours", name) for name in ("a", "b", "c", "d")]
    for each in (builder, woken, last):
        await world.builds.claim(IMAGE.casefold(), each)
    world.builds.over(builder.key)

    assert await world.builds.claim(IMAGE.casefold(), newcomer) is None
    assert await world.builds.claim(IMAGE.casefold(), woken) == newcomer.key
    world.builds.over(woken.key)

    assert world.woken == [woken.key]
