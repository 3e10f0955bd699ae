"""The composition root: builds everything, runs it, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import kopf

from gallery_operator import __version__, handlers
from gallery_operator.azure.budget import Limits
from gallery_operator.azure.clouds import CLOUDS, Cloud, explicit_cloud
from gallery_operator.azure.credentials import operator_credential
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.gateways import Gateways
from gallery_operator.clock import Clock, FileClock, SystemClock
from gallery_operator.controllers.accounts import Accounts
from gallery_operator.controllers.definitions import DefinitionReconciler
from gallery_operator.controllers.galleries import GalleryReconciler
from gallery_operator.controllers.indexes import INDEXES
from gallery_operator.controllers.intake import Intake
from gallery_operator.controllers.keyring import Keyring
from gallery_operator.controllers.reconciler import Reconciler
from gallery_operator.controllers.services import Pace, Services
from gallery_operator.controllers.versions import VersionReconciler
from gallery_operator.domain.tenancy import Tenancy
from gallery_operator.engine.backoff import Backoff
from gallery_operator.engine.keys import Key
from gallery_operator.engine.queue import WorkQueue
from gallery_operator.engine.store import Store
from gallery_operator.engine.workers import Requeue, Workers
from gallery_operator.kube.client import Kube
from gallery_operator.kube.errors import Forbidden, KubeError, Unavailable
from gallery_operator.kube.events import EventRecorder
from gallery_operator.settings import Settings, seconds
from gallery_operator.telemetry import logging as structured_logging
from gallery_operator.telemetry.health import LoopLag
from gallery_operator.telemetry.metrics import Metrics
from gallery_operator.telemetry.server import TelemetryServer

log = logging.getLogger(__name__)


class WatchError(Exception):
    """kopf gave up watching: the message says why. A new process begins anew."""


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    structured_logging.configure(settings.log_format, settings.log_level)
    try:
        asyncio.run(run(settings))
    except (KubeError, WatchError, ValueError, OSError) as error:
        log.error("Cannot run: %s", error)
        return 1
    except KeyboardInterrupt:
        return 0
    except Exception:
        log.exception("A bug ended the operator")
        return 1
    return 0


async def run(settings: Settings, *, stopping: asyncio.Event | None = None) -> None:
    """Run the operator until `stopping` is set, or a signal comes, or watching fails for good.

    Raises KubeError when the cluster cannot be used, WatchError when kopf gives up, ValueError for a wrong setting,
    OSError for a taken port.
    """
    stopping = stopping or asyncio.Event()
    _stop_on_signals(stopping)  # kopf sets its own later: until then nothing else would heed them in a container
    async with AsyncExitStack() as stack:
        operator = await _build(settings, stack)
        log.info(
            "Starting gallery-operator %s",
            __version__,
            extra={"cluster_id": operator.services.cluster_id, "namespaces": settings.namespaces or "all"},
        )
        await operator.run(stopping)


class Operator:
    """The parts that run: workers, the watch, the sweep and the HTTP port."""

    def __init__(self, settings: Settings, services: Services, metrics: Metrics) -> None:
        self.services = services
        self._settings = settings
        self._reconcilers: Mapping[str, Reconciler[Any]] = {
            "Gallery": GalleryReconciler(services),
            "ImageDefinition": DefinitionReconciler(services),
            "ImageVersion": VersionReconciler(services),
        }
        self._intake = Intake(services, settings.namespace_list)
        self._workers = Workers(
            services.queue, services.backoff, services.clock, count=settings.workers, metrics=metrics
        )
        self._lag = LoopLag()
        self._server = TelemetryServer(
            metrics.registry,
            live={"event-loop": self._lag, "workers": self._missing_workers, "watch": self._intake.watch_problem},
            ready={"store": self._intake.not_synced},
            port=settings.port,
        )
        metrics.watch_running(self._running)
        metrics.watch_resources(self._intake.counts)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until `stopping` is set or watching fails for good; end gracefully."""
        ready, stop_watching = asyncio.Event(), asyncio.Event()
        await self._server.start()
        log.info("Serving health and metrics", extra={"port": self._server.port})
        self._lag.start()
        self._workers.start(self._reconcile)
        watch = asyncio.create_task(self._watch(ready, stop_watching), name="watch")
        sweep = asyncio.create_task(self._intake.sweep_forever(), name="sweep")
        tend = asyncio.create_task(self._tend(), name="tend")
        try:
            await _first(watch, ready.wait(), stopping.wait())
            _stop_on_signals(stopping)
            await _first(watch, sweep, tend, stopping.wait())
        finally:
            log.info("Stopping")
            await self._workers.stop(seconds(self._settings.grace))
            sweep.cancel()
            tend.cancel()
            if self._intake.synced.is_set():
                stop_watching.set()
            else:  # told to stop, kopf would for seconds go on looking for the kinds with its connection closed
                watch.cancel()
            await asyncio.wait([watch, sweep, tend])
            self._lag.stop()
            await self._server.stop()
        for task in (watch, sweep, tend):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _reconcile(self, key: Key) -> Requeue:
        # Without the whole picture a parent seems missing and a child unborn.
        await self._intake.synced.wait()
        return await self._reconcilers[key.kind](key)

    async def _tend(self) -> None:
        """Look after the credentials of the namespaces, once it is known what needs them."""
        await self._intake.synced.wait()
        await self.services.accounts.tend_forever(self._settings.namespace_list or (None,))

    async def _watch(self, ready: asyncio.Event, stop: asyncio.Event) -> None:
        namespaces = self._settings.namespace_list
        try:
            # kopf looks the kinds up once: one that came later would never be watched.
            await self.services.kube.check_served()
        except Unavailable as error:
            log.warning("Cannot look up the kinds: %s", error)
        try:
            await kopf.operator(
                registry=handlers.registry(self._intake.on_event),
                settings=handlers.settings(),
                standalone=True,
                clusterwide=not namespaces,
                namespaces=namespaces,
                stop_flag=stop,
                ready_flag=ready,
            )
        except Exception as error:
            msg = f"the watch failed: {type(error).__name__}: {error}"[:1024]
            raise WatchError(msg) from error

    def _running(self) -> Mapping[str, list[float]]:
        running: dict[str, list[float]] = {kind: [] for kind in self._reconcilers}
        for key, since in self.services.queue.running_seconds().items():
            running[key.kind].append(since)
        return running

    def _missing_workers(self) -> str | None:
        missing = self._settings.workers - self._workers.alive
        return f"{missing} workers have ended" if missing else None


async def _build(settings: Settings, stack: AsyncExitStack) -> Operator:
    clock: Clock = FileClock(settings.clock_file) if settings.clock_file else SystemClock()
    metrics = Metrics()
    kube = await Kube.connect(settings.kubeconfig, metrics=metrics)
    stack.push_async_callback(kube.close)
    cloud = _cloud(settings)
    credential = operator_credential(cloud)
    stack.push_async_callback(credential.close)
    limits = Limits.below_arm(settings.arm_share)
    arm = ArmGateway(cloud, credential, clock=clock, limits=limits, observer=metrics)
    stack.push_async_callback(arm.close)
    store, queue = Store(INDEXES), WorkQueue(clock, metrics=metrics)
    gateways = Gateways(cloud, clock, limits=limits, observer=metrics)
    accounts = _accounts(settings, arm, gateways, kube, store, queue)
    stack.push_async_callback(accounts.close)
    services = Services(
        clock=clock,
        store=store,
        queue=queue,
        backoff=Backoff(),
        kube=kube,
        events=EventRecorder(kube, clock),
        accounts=accounts,
        metrics=metrics,
        cluster_id=settings.cluster_id or await _cluster_id(kube),
        pace=Pace(seconds(settings.poll), seconds(settings.resync)),
    )
    return Operator(settings, services, metrics)


def _cloud(settings: Settings) -> Cloud:
    if settings.arm_endpoint is None or settings.authority_host is None:
        return CLOUDS[settings.cloud]
    return explicit_cloud(
        settings.arm_endpoint, settings.authority_host, audience=settings.arm_audience, ca_file=settings.ca_file
    )


def _accounts(
    settings: Settings, own: ArmGateway, gateways: Gateways, kube: Kube, store: Store, queue: WorkQueue
) -> Accounts:
    clock, tenancy = gateways.clock, _tenancy(settings.tenancy_file)
    keyring = Keyring(
        kube.secrets,
        gateways.connect,
        store,
        clock,
        queue.add,
        tenancy=tenancy,
        own_client_id=os.environ.get("AZURE_CLIENT_ID"),
    )
    return Accounts(
        own,
        store,
        clock,
        settings.subscription_id,
        keyring=keyring if settings.namespace_credentials else None,
        tenancy=tenancy,
    )


def _tenancy(file: Path | None) -> Tenancy:
    if file is None:
        return Tenancy()
    try:
        return Tenancy.parse(file.read_text())
    except ValueError as error:
        msg = f"--tenancy-file {file}: {error}"
        raise ValueError(msg) from None


async def _cluster_id(kube: Kube) -> str:
    try:
        return await kube.namespace_uid("kube-system")
    except Forbidden as error:
        msg = f"{error}. Grant get on the namespace kube-system, or set --cluster-id"
        raise ValueError(msg) from None


def _stop_on_signals(stopping: asyncio.Event) -> None:
    """Take the signals over from kopf: workers end before the watch does."""
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(each, stopping.set)


async def _first(*awaitables: Any) -> None:
    """Wait until one of them is done, whatever came of it; those that were started here are cancelled."""
    tasks = [each if isinstance(each, asyncio.Task) else asyncio.create_task(each) for each in awaitables]
    own = [task for task, each in zip(tasks, awaitables, strict=True) if task is not each]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in own:
            task.cancel()
