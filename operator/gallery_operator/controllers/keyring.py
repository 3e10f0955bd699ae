"""The credentials of the namespaces: read from Secrets, renewed when these change, held while something needs them.

A Secret is read again when it is asked for and what is known is 30 s old, so a new value is taken up without a restart
and nothing is watched. It is held by a finalizer from before the first request under it, until no object needs it: a
namespace that is deleted as a whole keeps its credential until its Azure resources are gone. Holding and letting go
both look at what is (the store, the Secret as the API server has it), so a crash between two steps does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from gallery_operator.api.conditions import Reason
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.gateways import Connected
from gallery_operator.azure.secret_credentials import CredentialInvalid, SecretCredential, read_secret, secret_data
from gallery_operator.azure.verdicts import ArmError, Throttled
from gallery_operator.clock import Clock
from gallery_operator.controllers.cannot_place import CannotPlace
from gallery_operator.controllers.indexes import in_namespace, needs_credential
from gallery_operator.domain.plan import Blocked, Wait
from gallery_operator.domain.tenancy import Tenancy
from gallery_operator.engine.keys import Key
from gallery_operator.engine.store import Store
from gallery_operator.kube.connection import Object
from gallery_operator.kube.errors import Conflict, Forbidden, KubeError
from gallery_operator.kube.secrets import is_held

log = logging.getLogger(__name__)

#: Seconds of the clock for which what was read of a Secret counts.
_FRESH: Final = timedelta(seconds=30)
#: Time of the clock for which a refused credential is expected to be replaced: longer than the longest backoff.
_EXPECTED: Final = timedelta(seconds=900)
#: Real seconds after which a credential that was replaced is closed: no reconcile that began with it lasts so long.
_LINGER: Final = 900.0
#: Seconds after which those come back that find a Secret being opened.
_LATER: Final = 2.0
#: Tries to let a Secret go that others write at the same time.
_TRIES: Final = 3


class Secrets(Protocol):
    """What is asked of the API server; see `kube.secrets.Secrets`."""

    async def get(self, namespace: str, name: str) -> Object | None: ...

    async def hold(self, secret: Object) -> Object: ...

    async def free(self, secret: Object) -> None: ...

    async def list_held(self, namespace: str | None = None) -> list[Object]: ...


@dataclass(eq=False)
class Access:
    """Azure under the credential of one Secret, as the Secret is now; a new value makes a new one."""

    namespace: str
    name: str
    """`<namespace>/<secret>`."""
    connected: Connected
    subscription_id: str | None
    """Of Galleries that name none."""
    on_close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    @property
    def arm(self) -> ArmGateway:
        return self.connected.arm

    async def close(self) -> None:
        for each in self.on_close:
            await each()
        await self.connected.close()


@dataclass
class _Slot:
    """What is known of one Secret."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    """Who holds the lock or waits for it."""
    opening: bool = False
    """The credential is being opened, which takes its time with a certificate."""
    let_go: bool = False
    """The Secret was freed, and was not asked for since."""
    read_at: datetime | None = None
    credential: SecretCredential | None = None
    access: Access | None = None
    problem: Wait | Blocked | None = None
    """Why there is no access; with neither there is no Secret."""
    missed: bool = False
    """There is no Secret, and someone cannot go on without."""
    refused: Access | None = None
    """What Azure refused: people will put another credential into the Secret."""
    refused_until: datetime | None = None


class Keyring:
    """The Secrets' credentials, each found by the namespace and name of its Secret and never by another namespace.

    :param connect: opens a gateway; raises CredentialInvalid and ArmError.
    :param wake: called with the objects of a namespace whose credential was missing, wrong or refused and has changed.
    :param own_client_id: the client that the operator itself is, if it has one of its own.
    """

    def __init__(
        self,
        secrets: Secrets,
        connect: Callable[[SecretCredential], Awaitable[Connected]],
        store: Store,
        clock: Clock,
        wake: Callable[[Key], None],
        *,
        tenancy: Tenancy,
        own_client_id: str | None = None,
    ) -> None:
        self._secrets = secrets
        self._connect = connect
        self._store = store
        self._clock = clock
        self._wake = wake
        self._tenancy = tenancy
        self._own_client_id = (own_client_id or "").lower()
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._lingering: list[tuple[float, Access]] = []

    async def find(self, namespace: str, name: str) -> Access | None:
        """Return the access that a Secret of a namespace gives, held from now on; None: there is no such Secret.

        Raises CannotPlace when it cannot be used, ArmError when it cannot be opened now, and the errors of
        `kube.errors`.
        """
        known = self._slots.get((namespace, name))
        if known is not None and known.opening:  # it may take 20 s, for which each one that waited would hold a worker
            raise ArmError(Throttled(_LATER, f"Secret {namespace}/{name} is being opened"))
        async with self._slot(namespace, name) as slot:
            slot.let_go = False
            if slot.read_at is None or self._clock.now() - slot.read_at >= _FRESH:
                await self._read(slot, namespace, name)
            if slot.problem is not None:
                raise CannotPlace(slot.problem)
            return slot.access

    def miss(self, namespace: str, name: str) -> None:
        """Note that someone cannot go on without a Secret that was not found: it is looked for until it comes."""
        if (slot := self._slots.get((namespace, name))) is not None:
            slot.missed = True

    def refused(self, namespace: str) -> None:
        """Note that Azure refuses a credential of a namespace: whoever waits is woken when its Secret changes."""
        for (where, _), slot in self._slots.items():
            if where == namespace and slot.access is not None:
                slot.refused, slot.refused_until = slot.access, self._clock.now() + _EXPECTED

    async def tend(self) -> None:
        """Let go what no object needs, look again at Secrets that could not be used, and close what was replaced."""
        for (namespace, name), slot in list(self._slots.items()):
            await _survived(self._look_after(slot, namespace, name), f"{namespace}/{name}")
        now = time.monotonic()
        due = [access for since, access in self._lingering if now - since >= _LINGER]
        self._lingering = [each for each in self._lingering if each[1] not in due]
        for access in due:
            await _survived(access.close(), access.name)

    async def _look_after(self, slot: _Slot, namespace: str, name: str) -> None:
        if not needs_credential(self._store, namespace, name):
            await self._let_go(namespace, name)
        elif slot.problem is not None or slot.missed or slot.refused is not None:
            await self._look_again(slot, namespace, name)

    async def sweep(self, namespaces: Sequence[str | None] = (None,)) -> None:
        """Let go every Secret that is held and needed by nothing here: a process may have ended before it could.

        :param namespaces: those that the store knows all of; None is all of them.
        """
        for each in namespaces:
            for secret in await self._secrets.list_held(each):
                metadata = secret["metadata"]
                if not needs_credential(self._store, metadata["namespace"], metadata["name"]):
                    await self._let_go(metadata["namespace"], metadata["name"])

    async def close(self) -> None:
        """Close every connection."""
        for slot in self._slots.values():
            self._forget(slot)
        self._slots.clear()
        lingering, self._lingering = self._lingering, []
        for _, access in lingering:
            await access.close()

    @asynccontextmanager
    async def _slot(self, namespace: str, name: str) -> AsyncIterator[_Slot]:
        """Lock what is known of a Secret; it is forgotten when it was let go and nobody waits for it."""
        slot = self._slots.setdefault((namespace, name), _Slot())
        slot.users += 1
        try:
            async with slot.lock:
                yield slot
        finally:
            slot.users -= 1
            if slot.let_go and not slot.users:
                self._slots.pop((namespace, name), None)

    # --- reading ---

    async def _read(self, slot: _Slot, namespace: str, name: str) -> None:
        try:
            secret = await self._secrets.get(namespace, name)
            usable = secret is not None and (is_held(secret) or not secret["metadata"].get("deletionTimestamp"))
            if secret is None or not usable:
                self._forget(slot, None if secret is None else _gone(namespace, name))
            else:
                await self._take(slot, namespace, secret)
        except Forbidden as error:
            # Not the operator's own identity instead: whoever made the Secret does not want that.
            self._forget(slot, Wait(Reason.CREDENTIAL_NOT_FOUND, _forbidden(namespace, name, error), 60.0))
        slot.read_at = self._clock.now()

    async def _take(self, slot: _Slot, namespace: str, secret: Object) -> None:
        """Take up a Secret as it is now: a new credential if its content changed, and hold it if it can be used."""
        try:
            credential = read_secret(f"{namespace}/{secret['metadata']['name']}", secret_data(secret))
        except CredentialInvalid as error:
            self._forget(slot, Blocked(Reason.CREDENTIAL_INVALID, str(error)))
            return
        if credential != slot.credential:
            await self._renew(slot, namespace, credential)
        if slot.access is not None and not is_held(secret):
            await self._secrets.hold(secret)

    async def _renew(self, slot: _Slot, namespace: str, credential: SecretCredential) -> None:
        """Change to another credential; one that cannot be opened is remembered, so that it is not tried for ever."""
        refusal = self._refusal(namespace, credential)
        self._forget(slot, Blocked(Reason.IDENTITY_NOT_ALLOWED, refusal) if refusal else None)
        try:
            if refusal is None:
                slot.opening = True
                connected = await self._connect(credential)
                slot.access = Access(namespace, credential.name, connected, credential.subscription_id)
                log.info("Using the credential in Secret %s", credential.name, extra={"mode": credential.mode})
        except CredentialInvalid as error:
            slot.problem = Blocked(Reason.CREDENTIAL_INVALID, str(error))
        finally:
            slot.opening = False
        slot.credential = credential

    def _refusal(self, namespace: str, credential: SecretCredential) -> str | None:
        """Say why a namespace may not use a credential that rests on the operator's own proof of who it is."""
        if credential.mode not in {"WorkloadIdentity", "ManagedIdentity"}:
            return None
        own = credential.mode == "ManagedIdentity" or credential.client_id == self._own_client_id
        refusal = self._tenancy.refusal_of_own_identity(namespace) if own else None
        refusal = refusal or self._tenancy.refusal_of_client(namespace, credential.client_id)
        return f"Secret {credential.name}: {refusal}" if refusal else None

    async def _look_again(self, slot: _Slot, namespace: str, name: str) -> None:
        before = slot.problem
        try:
            access = await self.find(namespace, name)
        except CannotPlace as still:
            if still.step == before:
                return
        else:
            if access is slot.refused and before is None:
                if slot.refused_until is not None and self._clock.now() >= slot.refused_until:
                    slot.refused = None
                return
        slot.missed, slot.refused = False, None
        for key in in_namespace(self._store, namespace):
            self._wake(key)

    def _forget(self, slot: _Slot, problem: Wait | Blocked | None = None) -> None:
        """Use what was known of a Secret no more; who began with it may still go on for a while."""
        if slot.access is not None:
            self._lingering.append((time.monotonic(), slot.access))
        slot.access, slot.credential, slot.problem = None, None, problem

    # --- letting go ---

    async def _let_go(self, namespace: str, name: str) -> None:
        """Free a Secret and forget it. Whoever comes meanwhile waits, reads it anew, and holds it again."""
        async with self._slot(namespace, name) as slot:
            if needs_credential(self._store, namespace, name):
                return
            self._forget(slot)
            slot.read_at = None
            await self._free(namespace, name)
            slot.let_go = True

    async def _free(self, namespace: str, name: str) -> None:
        for _ in range(_TRIES):
            try:
                secret = await self._secrets.get(namespace, name)
                if secret is not None and is_held(secret):
                    await self._secrets.free(secret)
                    log.info("Secret %s/%s is not needed any more", namespace, name)
            except Conflict:
                continue
            return


async def _survived(step: Awaitable[None], secret: str) -> None:
    """Do something with one Secret; whatever comes of it, the others have their turn, too."""
    try:
        await step
    except (KubeError, ArmError, OSError) as error:
        log.warning("Cannot look after Secret %s now: %s", secret, error)
    except Exception:
        log.exception("A bug while looking after Secret %s; it is tried again", secret)


def _gone(namespace: str, name: str) -> Wait:
    return Wait(Reason.CREDENTIAL_NOT_FOUND, f"Secret {namespace}/{name} is being deleted", 30.0)


def _forbidden(namespace: str, name: str, error: KubeError) -> str:
    return (
        f"the operator may not read or hold Secret {namespace}/{name}: grant it get, list and patch on secrets, or "
        f"start it with --no-namespace-credentials ({str(error)[:300]})"
    )
