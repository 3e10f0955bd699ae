"""Accounts: what one credential sees of Azure.

Nothing that is known of Azure is shared between accounts: what was read with one namespace's credential must not be
shown to another namespace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gallery_operator.api.arm_ids import DefinitionId
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.version_cache import VersionCache
from gallery_operator.clock import Clock
from gallery_operator.controllers.families import Families
from gallery_operator.controllers.soft_deleted import RecycleBin
from gallery_operator.controllers.surroundings import Surroundings
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Store


@dataclass(frozen=True, slots=True)
class AccountKey:
    """By whose credential an object is reconciled."""

    namespace: str
    secret: str | None = None
    """The Secret that the Gallery's credentialRef names; None: the namespace's own, else the operator's."""


@dataclass(frozen=True, eq=False)
class Account:
    """What one credential sees of Azure."""

    name: str
    """For logs: `operator`, or `<namespace>/<secret>`."""
    arm: ArmGateway
    versions: VersionCache
    families: Families
    recycle_bin: RecycleBin
    surroundings: Surroundings
    subscription_id: str | None = None
    """The subscription of Galleries that name none."""
    homes: dict[DefinitionId, str] = field(default_factory=dict)
    """Regions of image definitions that have no object here."""


#: Hears which versions a LIST showed to differ from what was known.
OnListChange = Callable[[Account, DefinitionId, set[str]], None]


class Accounts:
    """Every account that is in use."""

    def __init__(self, own: ArmGateway, store: Store, clock: Clock, subscription_id: str | None) -> None:
        self.on_list_change: OnListChange | None = None
        self._store = store
        self._clock = clock
        self._own = self._build("operator", own, subscription_id)

    async def open(self, key: AccountKey) -> Account:
        """Return the account of a key. Raises CannotPlace when there is none that may be used."""
        del key
        return self._own

    def forget(self, key: Key) -> None:
        """An object is gone."""
        self._own.families.forget(key)

    async def close(self) -> None:
        """Cancel what is under way."""
        await self._own.versions.close()

    def _build(self, name: str, arm: ArmGateway, subscription_id: str | None) -> Account:
        def changed(definition: DefinitionId, names: set[str]) -> None:
            if self.on_list_change is not None:
                self.on_list_change(account, definition, names)

        versions = VersionCache(arm.list_versions, self._clock, changed)
        families, recycle_bin = Families(self._store, versions), RecycleBin(arm, self._clock)
        surroundings = Surroundings(arm, self._clock)
        account = Account(name, arm, versions, families, recycle_bin, surroundings, subscription_id)
        return account
