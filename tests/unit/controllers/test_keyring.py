"""The keyring alone: renewal, holding and letting go, against an API server and an Azure that only remember."""

from __future__ import annotations

import asyncio

import pytest

from gallery_operator.api import names
from gallery_operator.azure.verdicts import ArmError
from gallery_operator.controllers import keyring as module
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.keyring import Access
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.kube.errors import Conflict, Forbidden, Unavailable
from tests.unit.controllers.keyring_world import CLIENT, DEFAULT, JSON, RULES, World

# --- reading and renewing ---


async def test_there_is_no_access_without_a_secret(world: World) -> None:
    assert await world.find() is None


async def test_a_secret_is_read_and_opened_once_for_many(world: World) -> None:
    world.secret()

    first, second = await asyncio.gather(world.find(), world.find())

    assert first is second is not None
    assert world.api.calls == [f"get team/{DEFAULT}", f"hold {DEFAULT}"]
    assert len(world.azure.opened) == 1


async def test_a_secret_is_held_before_its_access_is_given_out(world: World) -> None:
    world.secret()
    world.api.failure["hold"] = Conflict("someone else wrote it")

    with pytest.raises(Conflict):
        await world.find()
    assert not world.api.held()

    assert await world.find() is not None
    assert world.api.held()
    assert len(world.azure.opened) == 1


async def test_a_new_value_makes_a_new_access_after_half_a_minute(world: World) -> None:
    world.secret()
    first = await world.find()
    world.secret(value="second")

    world.clock.advance(29)
    assert await world.find() is first
    world.clock.advance(1)
    second = await world.find()

    assert second is not None
    assert second is not first
    assert [each.secret for each in world.azure.opened] == ["first", "second"]


async def test_what_is_no_part_of_the_credential_may_change(world: World) -> None:
    world.secret()
    first = await world.find()
    world.secret(AZURE_SOMETHING_ELSE="new")
    world.clock.advance(30)

    assert await world.find() is first


async def test_an_access_that_was_replaced_is_closed_when_nobody_can_be_using_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.object("Gallery", "platform")
    world.secret()
    await world.find()
    world.secret(value="second")
    world.clock.advance(30)
    await world.find()

    await world.keyring.tend()
    assert world.azure.closed == 0
    monkeypatch.setattr(module, "_LINGER", 0.0)
    await world.keyring.tend()
    assert world.azure.closed == 1

    await world.keyring.close()
    assert world.azure.closed == 2


# --- what cannot be used ---


async def test_a_wrong_secret_blocks_until_it_is_put_right_and_wakes_its_namespace(world: World) -> None:
    key = world.object("Gallery", "platform")
    world.secret(AZURE_TENANT_ID="nonsense")

    step = await world.step()
    assert isinstance(step, Blocked)
    assert (step.reason, "nonsense" in step.message) == ("CredentialInvalid", False)
    world.clock.advance(30)
    await world.keyring.tend()
    assert world.woken == []

    world.secret()
    world.clock.advance(30)
    await world.keyring.tend()
    assert world.woken == [key]
    assert await world.find() is not None


async def test_a_refused_credential_is_looked_at_until_its_secret_changes_and_wakes_its_namespace(world: World) -> None:
    key = world.object("Gallery", "platform")
    world.secret()
    await world.find()
    world.keyring.refused("team")
    world.clock.advance(30)
    await world.keyring.tend()
    assert world.woken == []

    world.secret(value="second")
    world.clock.advance(30)
    assert await world.find() is not None  # one that tries again by itself must not keep the others asleep
    await world.keyring.tend()
    assert world.woken == [key]
    await world.keyring.tend()
    assert world.woken == [key]


async def test_a_refused_credential_is_not_looked_at_for_ever(world: World) -> None:
    world.object("Gallery", "platform")
    world.secret()
    await world.find()
    world.keyring.refused("team")
    for _ in range(2):
        world.clock.advance(900)
        await world.keyring.tend()
    asked = len(world.api.calls)
    world.clock.advance(30)
    await world.keyring.tend()
    assert len(world.api.calls) == asked


async def test_what_cannot_be_opened_is_not_tried_again_until_it_changes(world: World) -> None:
    world.object("Gallery", "platform")
    world.secret(value="cannot be opened")

    for _ in range(3):
        assert (await world.step()).reason == "CredentialInvalid"
        world.clock.advance(30)
        await world.keyring.tend()
    assert len(world.azure.opened) == 1
    assert not world.api.held()

    world.secret(value="second")
    world.clock.advance(30)
    assert await world.find() is not None


async def test_a_secret_that_becomes_wrong_is_not_used_any_more(world: World) -> None:
    world.secret()
    await world.find()
    world.secret(AZURE_CLIENT_ID="nonsense")
    world.clock.advance(30)

    assert (await world.step()).reason == "CredentialInvalid"


@pytest.mark.parametrize("verb", ["get", "hold"])
async def test_without_the_right_to_secrets_nobody_falls_back_to_another_identity(world: World, verb: str) -> None:
    world.secret()
    world.api.failure[verb] = Forbidden("secrets is forbidden")

    step = await world.step()
    assert isinstance(step, Wait)
    assert "grant it get, list and patch on secrets" in step.message

    world.clock.advance(30)
    assert await world.find() is not None


async def test_a_secret_on_its_way_out_is_not_taken_up(world: World) -> None:
    world.secret()
    world.api.secrets["team", DEFAULT]["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"

    step = await world.step()

    assert isinstance(step, Wait)
    assert step.reason == "CredentialNotFound"


async def test_a_held_secret_that_is_deleted_serves_until_the_end(world: World) -> None:
    world.secret()
    first = await world.find()
    world.api.delete("team", DEFAULT)
    world.clock.advance(30)

    assert await world.find() is first


async def test_nobody_waits_while_a_credential_is_opened(world: World) -> None:
    world.secret()
    world.azure.go_on.clear()
    first = asyncio.create_task(world.find())
    await asyncio.sleep(0)

    with pytest.raises(ArmError, match="is being opened"):
        await world.find()

    world.azure.go_on.set()
    assert await first is not None
    assert await world.find() is await first


async def test_a_secret_that_shows_a_bug_of_ours_neither_ends_the_process_nor_holds_others_up(world: World) -> None:
    for name in ("first", "second"):
        world.secret(name, AZURE_CLIENT_ID="wrong")
        world.object("Gallery", name, {"credentialRef": {"name": name}})
        assert (await world.step(name)).reason == "CredentialInvalid"

    world.secret("first", value="stumbles")
    world.secret("second")
    world.clock.advance(31)
    await world.keyring.tend()

    assert await world.find("second") is not None
    assert [each.name for each in world.woken] == ["first", "second"]


async def test_a_secret_that_nobody_misses_is_not_looked_for_again_and_again(world: World) -> None:
    world.object("Gallery", "platform")
    assert await world.find() is None
    calls = len(world.api.calls)

    for _ in range(3):
        world.clock.advance(31)
        await world.keyring.tend()

    assert len(world.api.calls) == calls


# --- tenancy ---


@pytest.mark.parametrize(
    ("namespace", "data", "allowed"),
    [
        ("team", {"AUTH_MODE": "WorkloadIdentity", "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000001"}, True),
        ("team", {"AUTH_MODE": "WorkloadIdentity", "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000002"}, False),
        ("team", {"AUTH_MODE": "WorkloadIdentity", "AZURE_CLIENT_ID": CLIENT.upper()}, False),  # the operator's own
        ("team", {"AUTH_MODE": "ManagedIdentity"}, False),
        ("own", {"AUTH_MODE": "WorkloadIdentity"}, True),
        ("own", {"AUTH_MODE": "ManagedIdentity"}, True),
        ("other", {"AUTH_MODE": "WorkloadIdentity"}, False),
        ("other", {}, True),  # a secret of its own proves itself
    ],
)
async def test_what_rests_on_the_operators_proof_is_for_those_who_may(
    namespace: str, data: dict[str, str], allowed: bool
) -> None:
    world = World(RULES)
    world.secret(namespace=namespace, **data)

    if allowed:
        assert await world.find(namespace=namespace) is not None
        return
    with pytest.raises(CannotPlace) as caught:
        await world.find(namespace=namespace)
    assert isinstance(caught.value.step, Blocked)
    assert caught.value.step.reason == "IdentityNotAllowed"
    assert world.azure.opened == []
    assert not world.api.held(namespace)


# --- letting go ---


async def test_a_secret_is_let_go_when_the_last_object_is(world: World) -> None:
    key = world.object("Gallery", "platform")
    world.secret()
    await world.find()
    await world.keyring.tend()
    assert world.api.held()

    world.store.remove(key, "Gallery-platform")
    await world.keyring.tend()
    assert not world.api.held()

    world.api.calls.clear()
    await world.keyring.tend()
    assert world.api.calls == []


@pytest.mark.parametrize(
    ("secret", "needed_by"),
    [
        ("named", {"kind": "Gallery", "spec": {"credentialRef": {"name": "named"}}}),
        (DEFAULT, {"kind": "Gallery", "spec": {"credentialRef": {"name": 3}}}),
        (DEFAULT, {"kind": "ImageDefinition", "spec": {"galleryRef": {"id": "/subscriptions/x"}}}),
        (DEFAULT, {"kind": "ImageVersion", "spec": {"imageDefinitionRef": {"id": "/subscriptions/x"}}}),
        (DEFAULT, {"kind": "ImageVersion", "spec": {"imageDefinitionRef": {"name": "lost"}}}),
    ],
)
async def test_a_secret_is_held_for_what_it_is_the_credential_of(world: World, secret: str, needed_by: JSON) -> None:
    world.object(needed_by["kind"], "x", needed_by["spec"])
    for name in (DEFAULT, "named"):
        world.secret(name)
        await world.find(name)

    await world.keyring.tend()

    assert {name: world.api.held(name=name) for name in (DEFAULT, "named")} == {
        name: name == secret for name in (DEFAULT, "named")
    }


async def test_what_goes_with_a_gallery_that_names_a_secret_needs_no_other(world: World) -> None:
    world.object("Gallery", "platform", {"credentialRef": {"name": "named"}})
    world.object("ImageDefinition", "ubuntu", {"galleryRef": {"name": "platform"}})
    world.object("ImageVersion", "one", {"imageDefinitionRef": {"name": "ubuntu"}})
    world.secret()
    await world.find()

    await world.keyring.tend()

    assert not world.api.held()


async def test_an_object_that_others_hold_back_needs_no_credential_any_more(world: World) -> None:
    deleted: JSON = {"deletionTimestamp": "2026-11-23T10:00:00Z"}
    world.secret()
    world.object("Gallery", "platform", finalizers=["example.com/other", names.FINALIZER], **deleted)
    await world.find()
    await world.keyring.tend()
    assert world.api.held()

    world.object("Gallery", "platform", finalizers=["example.com/other"], **deleted)
    await world.keyring.tend()
    assert not world.api.held()


async def test_whoever_comes_while_a_secret_is_let_go_holds_it_again(world: World) -> None:
    world.secret()
    await world.find()
    found: list[asyncio.Task[Access | None]] = []

    def someone_comes() -> None:
        world.object("Gallery", "platform")
        found.append(asyncio.create_task(world.find()))

    world.api.before_free = someone_comes
    await world.keyring.tend()
    (task,) = found

    assert await task is not None
    assert world.api.held()
    assert world.api.calls[-2:] == [f"get team/{DEFAULT}", f"hold {DEFAULT}"]


async def test_a_secret_that_changes_while_it_is_let_go_is_let_go_all_the_same(world: World) -> None:
    world.secret()
    await world.find()

    def someone_writes() -> None:
        world.api.before_free = None
        world.secret(value="second")

    world.api.before_free = someone_writes
    await world.keyring.tend()

    assert not world.api.held()


async def test_a_secret_that_cannot_be_let_go_now_is_let_go_later(world: World) -> None:
    world.secret()
    await world.find()
    world.api.failure["free"] = Unavailable("the API server is away")

    await world.keyring.tend()
    assert world.api.held()
    await world.keyring.tend()
    assert not world.api.held()


async def test_a_sweep_frees_what_an_earlier_process_held_and_leaves_the_rest(world: World) -> None:
    world.object("Gallery", "platform", {"credentialRef": {"name": "needed"}})
    for name in ("needed", "left"):
        world.secret(name)
        await world.api.hold(world.api.secrets["team", name])
    world.secret("left", namespace="elsewhere")
    await world.api.hold(world.api.secrets["elsewhere", "left"])

    await world.keyring.sweep(("team",))

    assert world.api.held(name="needed")
    assert not world.api.held(name="left")
    assert world.api.held("elsewhere", "left")
