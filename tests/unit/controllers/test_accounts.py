"""Accounts: whose credential an object is reconciled by, and what nobody may use."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gallery_operator.controllers.accounts import AccountKey, Accounts
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.domain.tenancy import Tenancy
from tests.unit.controllers.keyring_world import (
    DEFAULT,
    RULES,
    Gateway,
    World,
)


def accounts(world: World, **options: Any) -> Accounts:
    return Accounts(cast("Any", Gateway()), world.store, world.clock, None, **options)


async def test_an_account_is_of_one_namespace_and_one_secret(world: World) -> None:
    all_of_them = accounts(world, keyring=world.keyring)
    world.secret("azure")
    world.secret("azure", namespace="other")

    team = await all_of_them.open(AccountKey("team", "azure"))
    other = await all_of_them.open(AccountKey("other", "azure"))
    own = await all_of_them.open(AccountKey("team"))

    assert team is await all_of_them.open(AccountKey("team", "azure"))
    assert len({id(each.versions) for each in (team, other, own)}) == 3
    assert (team.name, other.name, own.name) == ("team/azure", "other/azure", "operator")


async def test_a_secret_that_is_named_and_missing_is_waited_for(world: World) -> None:
    with pytest.raises(CannotPlace, match="Secret 'azure' does not exist in namespace 'team'") as caught:
        await accounts(world, keyring=world.keyring).open(AccountKey("team", "azure"))

    assert isinstance(caught.value.step, Wait)


async def test_when_secrets_are_not_read_a_named_one_is_refused_and_none_is_asked_for(world: World) -> None:
    without = accounts(world)

    assert (await without.open(AccountKey("team"))).name == "operator"
    with pytest.raises(CannotPlace, match="--no-namespace-credentials") as caught:
        await without.open(AccountKey("team", "azure"))
    assert isinstance(caught.value.step, Blocked)
    assert world.api.calls == []


async def test_the_operators_own_identity_is_for_those_who_may(world: World) -> None:
    limited = accounts(world, keyring=world.keyring, tenancy=Tenancy.parse(RULES))

    assert (await limited.open(AccountKey("own"))).name == "operator"
    with pytest.raises(CannotPlace, match=f"or put a credential into Secret '{DEFAULT}'") as caught:
        await limited.open(AccountKey("team"))
    assert isinstance(caught.value.step, Blocked)
    assert caught.value.step.reason == "IdentityNotAllowed"


async def test_who_may_not_use_the_operators_identity_is_woken_when_the_namespaces_secret_comes(world: World) -> None:
    limited = accounts(world, keyring=world.keyring, tenancy=Tenancy.parse(RULES))
    key = world.object("Gallery", "platform")
    with pytest.raises(CannotPlace, match="may not use the operator's own identity"):
        await limited.open(AccountKey("team"))

    world.clock.advance(31)
    await limited.tend()
    assert world.woken == [], "there is no Secret yet"
    world.secret()
    world.clock.advance(31)
    await limited.tend()

    assert world.woken == [key]
    assert (await limited.open(AccountKey("team"))).name == f"team/{DEFAULT}"
    world.woken.clear()
    world.clock.advance(31)
    await limited.tend()
    assert world.woken == []
