"""Drives the reconcilers without kopf and without waiting, against a real API server and the Azure simulator.

The driver shows every object to its reconciler, again and again, and steps the simulator's clock to the moment the
reconcilers ask for. What hours would show happens in a second, and a test can stop the world at any write.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, cast

from dev.azure_simulator import AzureSimulator, Switchboard
from dev.control_plane import Cluster
from gallery_operator.api import names
from gallery_operator.azure.clouds import explicit_cloud
from gallery_operator.azure.credentials import operator_credential
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.gateways import Gateways
from gallery_operator.clock import FileClock
from gallery_operator.controllers.accounts import Accounts
from gallery_operator.controllers.definitions import DefinitionReconciler
from gallery_operator.controllers.galleries import GalleryReconciler
from gallery_operator.controllers.indexes import INDEXES
from gallery_operator.controllers.intake import Intake
from gallery_operator.controllers.keyring import Keyring, Secrets
from gallery_operator.controllers.reconciler import Reconciler
from gallery_operator.controllers.services import Pace, Services
from gallery_operator.controllers.versions import VersionReconciler
from gallery_operator.domain.tenancy import Tenancy
from gallery_operator.engine.backoff import Backoff
from gallery_operator.engine.keys import Key
from gallery_operator.engine.queue import WorkQueue
from gallery_operator.engine.store import Store
from gallery_operator.engine.workers import Outcome
from gallery_operator.kube.client import Kube, Seen
from gallery_operator.kube.errors import NotFound
from gallery_operator.kube.events import EventRecorder
from gallery_operator.telemetry.metrics import Metrics

JSON = dict[str, Any]

#: A look that is asked for later than that is a resync: nothing is going on.
QUIET = timedelta(minutes=15)
RESYNC = 1800.0
#: Four times the default: more looks at what goes on show a test nothing more, and each costs it time.
POLL = 60.0


class Killed(BaseException):
    """The process was killed: no `except Exception` may see it."""


@dataclass
class Counter:
    """Counts the writes."""

    crossed: int = 0

    def cross(self, at: int | None) -> None:
        self.crossed += 1
        if self.crossed == at:
            raise Killed


class KillSwitch:
    """Passes calls on to a real client, but kills the process before the write numbered `at`.

    Killed before one write is killed after the effect of the one before it: a process leaves nothing else behind.
    """

    def __init__(self, real: object, writes: frozenset[str], counter: Counter, at: int | None) -> None:
        self._real, self._writes, self._counter, self._at = real, writes, counter, at
        #: The first argument of each write, what it was about, and what it returned; None if it failed.
        self.written: list[tuple[Any, Any]] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        return self._guarded(real) if name in self._writes else real

    def _guarded(self, real: Any) -> Any:
        async def call(*arguments: Any, **options: Any) -> Any:
            self._counter.cross(self._at)
            returned = None
            try:
                returned = await real(*arguments, **options)
            finally:
                self.written.append((arguments[0], returned))
            return returned

        return call


class Asked(WorkQueue):
    """Collects what is asked for; the driver takes it."""

    def __init__(self, clock: FileClock) -> None:
        super().__init__(clock)
        self._now = clock.now
        self.due: dict[Key, datetime] = {}
        #: Those asked for soon: something is going on there. What is due last of many resyncs was still a resync.
        self.soon: set[Key] = set()

    def add(self, key: Key) -> None:
        self.add_after(key, 0.0)

    def add_after(self, key: Key, seconds: float) -> None:
        at = self._now() + timedelta(seconds=seconds)
        self.due[key] = min(at, self.due.get(key, at))
        if seconds <= QUIET.total_seconds():
            self.soon.add(key)

    def take(self) -> list[Key]:
        """Return what is due now, and forget it."""
        now = self._now()
        due = [key for key, at in self.due.items() if at <= now]
        for key in due:
            del self.due[key]
        self.soon.difference_update(due)
        return due


class Driver:
    """One process of the operator, for one namespace or several."""

    def __init__(
        self,
        services: Services,
        queue: Asked,
        azure: Switchboard,
        namespaces: tuple[str, ...],
        stack: AsyncExitStack,
        written: list[tuple[Any, Any]],
    ) -> None:
        self.services = services
        self._written = written
        self.azure = azure
        self._namespaces = namespaces
        self._swept = False
        self._queue = queue
        self._stack = stack
        self._intake = Intake(services, namespaces)
        self.reconcilers: Mapping[str, Reconciler[Any]] = {
            "Gallery": GalleryReconciler(services),
            "ImageDefinition": DefinitionReconciler(services),
            "ImageVersion": VersionReconciler(services),
        }

    @classmethod
    async def start(
        cls,
        cluster: Cluster,
        simulator: AzureSimulator,
        azure: Switchboard,
        namespace: str,
        *,
        counter: Counter | None = None,
        kill_at: int | None = None,
        cluster_id: str = "test-cluster",
        also: tuple[str, ...] = (),
        tenancy: str | None = None,
        secrets: bool = True,
    ) -> Self:
        """Start a process that remembers nothing; with `kill_at` it dies before that write.

        :param also: further namespaces.
        :param tenancy: what a cluster administrator allows, as YAML; None: everything.
        :param secrets: whether credentials are looked for in Secrets.
        """
        stack = AsyncExitStack()
        endpoints = simulator.endpoints
        clock = FileClock(endpoints.clock_file)
        cloud = explicit_cloud(endpoints.url, endpoints.url, ca_file=endpoints.ca_file)
        credential = await stack.enter_async_context(operator_credential(cloud))
        arm = ArmGateway(cloud, credential, clock=clock)
        kube = await Kube.connect(cluster.kubeconfig)
        counter = counter or Counter()
        arm_switch = KillSwitch(
            arm, frozenset({"put", "delete", "restore", "share", "grant", "revoke"}), counter, kill_at
        )
        kube_switch = KillSwitch(kube, frozenset({"patch_metadata", "apply_status", "delete"}), counter, kill_at)
        queue, store = Asked(clock), Store(INDEXES)
        keyring = Keyring(
            cast("Secrets", KillSwitch(kube.secrets, frozenset({"hold", "free"}), counter, kill_at)),
            Gateways(cloud, clock).connect,
            store,
            clock,
            queue.add,
            tenancy=Tenancy.parse(tenancy) if tenancy is not None else Tenancy(),
            own_client_id=endpoints.client_id,
        )
        accounts = Accounts(
            cast("ArmGateway", arm_switch),
            store,
            clock,
            endpoints.subscription_id,
            keyring=keyring if secrets else None,
            tenancy=Tenancy.parse(tenancy) if tenancy is not None else Tenancy(),
        )
        for close in (kube.close, arm.close, accounts.close):
            stack.push_async_callback(close)
        services = Services(
            clock=clock,
            store=store,
            queue=queue,
            backoff=Backoff(rng=random.Random(1)),
            kube=cast("Kube", kube_switch),
            events=EventRecorder(kube, clock),
            accounts=accounts,
            metrics=Metrics(),
            cluster_id=cluster_id,
            pace=Pace(poll=POLL, resync=RESYNC),
        )
        return cls(services, queue, azure, (namespace, *also), stack, kube_switch.written)

    async def close(self) -> None:
        await self._stack.aclose()

    async def refresh(self) -> None:
        """Bring the store up to date, as the watch would; children come before their parents, as the worst case."""
        for kind in reversed(names.PLURALS):
            listed: dict[tuple[str, str], Seen] = {}
            for namespace in self._namespaces:
                listed |= await self.services.kube.list_metadata(kind, namespace)
            for gone in set(self.services.store.keys(kind)) - {Key(kind, *where) for where in listed}:
                self._intake.on_event("DELETED", self.services.store.get(gone) or {})
            known = {key: version.resource_version for key, version in self.services.store.versions(kind).items()}
            for where, seen in listed.items():
                if known.get(Key(kind, *where)) != seen.resource_version:
                    await self._look(Key(kind, *where))
        self._written.clear()

    async def _catch_up(self) -> None:
        """Do the same when nobody but this process has written since: a list takes far longer than a look."""
        written = {Key.of(obj): returned for obj, returned in self._written}
        self._written.clear()
        for key in sorted(written, key=lambda key: list(names.PLURALS).index(key.kind), reverse=True):
            obj = written[key]
            if obj is None or obj["metadata"].get("deletionTimestamp"):
                await self._look(key)
            else:
                self._intake.on_event("MODIFIED", obj)

    async def _look(self, key: Key) -> None:
        try:
            self._intake.on_event("MODIFIED", await self.services.kube.get(key.kind, key.namespace, key.name))
        except NotFound:
            self._gone(key)

    def _gone(self, key: Key) -> None:
        if known := self.services.store.get(key):
            self._intake.on_event("DELETED", known)

    async def round(self) -> int:
        """Bring the store up to date and show every object that is due to its reconciler; return how many were."""
        await self.refresh()
        return await self._round()

    async def _round(self) -> int:
        if not self._swept:
            await self.services.accounts.sweep(self._namespaces)
            self._swept = True
        await self.services.accounts.tend()
        due = self._queue.take()
        for key in due:
            requeue = await self.reconcilers[key.kind](key)
            after = requeue.after
            if requeue.outcome is Outcome.FAILED:
                after = max(after or 0.0, self.services.backoff.next(key))
            else:
                self.services.backoff.forget(key)
            if after is not None:
                self._queue.add_after(key, after)
        return len(due)

    async def settle(self, *, rounds: int = 600) -> None:
        """Go on, stepping the clock, until only resyncs are left to come. Fails after so many rounds."""
        await self.refresh()
        for _ in range(rounds):
            await self._catch_up()
            if await self._round():
                continue
            soonest = min((self._queue.due[key] for key in self._queue.soon), default=None)
            if soonest is None:
                return
            wait = soonest - self.services.clock.now()
            self.azure.advance(max(wait, timedelta(0)) + timedelta(milliseconds=10))
        msg = f"not settled after {rounds} rounds"
        raise AssertionError(msg)

    async def live(self, by: timedelta) -> None:
        """Go on for so long, stepping the clock from one due look to the next: several seconds, for many objects."""
        until = self.services.clock.now() + by
        await self.refresh()
        while True:
            await self._catch_up()
            if await self._round():
                continue
            soonest = min((at for at in self._queue.due.values() if at <= until), default=None)
            if soonest is None:
                return
            self.azure.advance(max(soonest - self.services.clock.now(), timedelta(seconds=10)))

    async def pass_time(self, by: timedelta, *, step: timedelta = timedelta(seconds=RESYNC * 1.3)) -> None:
        """Let time pass in steps longer than a resync, settling after each."""
        left = by
        while left > timedelta(0):
            self.azure.advance(min(step, left))
            left -= step
            await self.settle()


def condition(obj: Mapping[str, Any], type_: str) -> JSON:
    """Return one condition of an object as kubectl sees it; an empty one when there is none."""
    conditions: Iterable[JSON] = (obj.get("status") or {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == type_), {})
