"""Accounts: what one credential sees of Azure.

Nothing that is known of Azure is shared between accounts: what was read with one namespace's credential must not be
shown to another namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from gallery_operator.api import names
from gallery_operator.api.arm_ids import DefinitionId
from gallery_operator.api.conditions import Reason
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.version_cache import VersionCache
from gallery_operator.clock import Clock
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.families import Families
from gallery_operator.controllers.keyring import Access, Keyring
from gallery_operator.controllers.soft_deleted import RecycleBin
from gallery_operator.controllers.surroundings import Surroundings
from gallery_operator.domain.named_subscriptions import named_subscriptions
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.domain.tenancy import Tenancy
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Store
from gallery_operator.kube.errors import KubeError

log = logging.getLogger(__name__)

#: Seconds of the clock between two looks at Secrets that could not be used.
_TEND: Final = 30.0
#: The same in real seconds, at least, however fast the clock is.
_LEAST_TEND: Final = 0.5
#: Real seconds between two lists of the Secrets that are held.
_SWEEP: Final = 600.0
_ALL_ALLOWED: Final = Tenancy()


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
    """Every account that is in use.

    The nearest credential wins: the one that the Gallery names, the namespace's own, the operator's. An account under
    a Secret is its namespace's alone; the operator's own is shared by those namespaces that may use it.

    :param keyring: finds the credentials in Secrets; None: Secrets are not read.
    """

    def __init__(
        self,
        own: ArmGateway,
        store: Store,
        clock: Clock,
        subscription_id: str | None,
        *,
        keyring: Keyring | None = None,
        tenancy: Tenancy = _ALL_ALLOWED,
    ) -> None:
        self.on_list_change: OnListChange | None = None
        self.tenancy = tenancy
        self._store = store
        self._clock = clock
        self._subscription_id = subscription_id
        self._keyring = keyring
        self._own = self._build("operator", own, subscription_id)
        self._of_secrets: WeakKeyDictionary[Access, Account] = WeakKeyDictionary()
        self._changed = asyncio.Event()

    async def open(self, key: AccountKey) -> Account:
        """Return the account of a key, whose Secret is held from now on.

        Raises CannotPlace when there is none that may be used, ArmError when it cannot be opened now, and the errors of
        `kube.errors`.
        """
        secret = key.secret or names.DEFAULT_CREDENTIAL
        if self._keyring is not None and (access := await self._keyring.find(key.namespace, secret)) is not None:
            return self._of_secrets.get(access) or self._added(access)
        if key.secret is not None:
            raise CannotPlace(self._missing(key.namespace, secret))
        if (refusal := self.tenancy.refusal_of_own_identity(key.namespace)) is not None:
            mend = ""
            if self._keyring is not None:
                self._keyring.miss(key.namespace, secret)
                mend = f"; or put a credential into Secret {secret!r}"
            raise CannotPlace(Blocked(Reason.IDENTITY_NOT_ALLOWED, f"{refusal}{mend}"))
        return self._own

    def admit(self, namespace: str, place: str, spec: object) -> None:
        """Let an object pass whose place (an ARM id) and spec name no subscription that its namespace may not use.

        Raises CannotPlace.
        """
        for where, subscription in [*named_subscriptions(spec), *named_subscriptions(place)]:
            if (refusal := self.tenancy.refusal_of_subscription(namespace, subscription)) is not None:
                message = f"spec.{where}: {refusal}" if where else refusal
                raise CannotPlace(Blocked(Reason.SUBSCRIPTION_NOT_ALLOWED, message))

    def forget(self, key: Key) -> None:
        """An object is gone."""
        self._own.families.forget(key)
        for access, account in self._of_secrets.items():
            if access.namespace == key.namespace:
                account.families.forget(key)
        self._changed.set()

    def refused(self, namespace: str) -> None:
        """Azure refuses the credential by which an object of a namespace is reconciled."""
        if self._keyring is not None:
            self._keyring.refused(namespace)

    async def tend(self) -> None:
        """Let go of the Secrets that nothing needs any more, and look again at those that could not be used."""
        if self._keyring is not None:
            await self._keyring.tend()

    async def tend_forever(self, namespaces: Sequence[str | None]) -> None:
        """Tend whenever an object is gone, and now and then. To be started when the store holds every object.

        :param namespaces: those that the store knows all of; None is all of them.
        """
        swept_at: float | None = None
        while True:
            if swept_at is None or time.monotonic() - swept_at >= _SWEEP:
                swept_at = time.monotonic()
                await self.sweep(namespaces)
            await self.tend()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(_LEAST_TEND, self._clock.real_seconds(_TEND))):
                    await self._changed.wait()
            self._changed.clear()

    async def sweep(self, namespaces: Sequence[str | None]) -> None:
        """Let go of the Secrets that are held and needed by nothing: a process may have ended before it could."""
        if self._keyring is None:
            return
        try:
            await self._keyring.sweep(namespaces)
        except KubeError as error:
            log.warning("Cannot look for Secrets that are not needed any more: %s", error)

    async def close(self) -> None:
        """Cancel what is under way, and close the credentials of Secrets."""
        await self._own.versions.close()
        if self._keyring is not None:
            await self._keyring.close()

    def _added(self, access: Access) -> Account:
        account = self._build(access.name, access.arm, access.subscription_id or self._subscription_id)
        self._of_secrets[access] = account
        access.on_close.append(account.versions.close)
        return account

    def _missing(self, namespace: str, secret: str) -> Wait | Blocked:
        if self._keyring is None:
            why = "the operator does not read Secrets (--no-namespace-credentials): leave credentialRef out"
            return Blocked(Reason.IDENTITY_NOT_ALLOWED, why)
        return Wait(Reason.CREDENTIAL_NOT_FOUND, f"Secret {secret!r} does not exist in namespace {namespace!r}", 30.0)

    def _build(self, name: str, arm: ArmGateway, subscription_id: str | None) -> Account:
        def changed(definition: DefinitionId, versions: set[str]) -> None:
            if self.on_list_change is not None:
                self.on_list_change(account, definition, versions)

        versions = VersionCache(arm.list_versions, self._clock, changed)
        families, recycle_bin = Families(self._store, versions), RecycleBin(arm, self._clock)
        surroundings = Surroundings(arm, self._clock)
        account = Account(name, arm, versions, families, recycle_bin, surroundings, subscription_id)
        return account
